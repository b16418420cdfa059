"""A render farm: its queue, and a message in Slack when a whole array job on it is done."""

from __future__ import annotations

import pulumi

from batchbell.components import ArrayJobNotifier, ArrayJobNotifierArgs
from components import RenderQueue

config = pulumi.Config()
farm = RenderQueue("frames")
told = ArrayJobNotifier(
    "frames",
    ArrayJobNotifierArgs(
        job_queue_arns=[farm.queue.arn],
        notifiers=[{"type": "slack", "name": "artists", "webhook": config.require_secret("slackWebhook")}],
        function=config.get_object("function") or {},
    ),
)

pulumi.export("job_queue_name", farm.queue.name)
pulumi.export("job_definition_name", farm.definition.name)
pulumi.export("function_name", told.function_name)
