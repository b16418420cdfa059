"""A render farm: a job queue, and a Slack message when a whole array job on it has finished."""

from __future__ import annotations

import pulumi

from batchbell.components import ArrayJobNotifier, ArrayJobNotifierArgs
from components import RenderQueue

config = pulumi.Config()
farm = RenderQueue("frames")
notifier = ArrayJobNotifier(
    "frames",
    ArrayJobNotifierArgs(
        job_queue_arns=[farm.queue.arn],
        notifiers=[{"type": "slack", "name": "artists", "webhook": config.require_secret("slackWebhook")}],
        function=config.get_object("function") or {},
    ),
)

pulumi.export("job_queue_name", farm.queue.name)
pulumi.export("job_definition_name", farm.definition.name)
pulumi.export("function_name", notifier.function_name)
