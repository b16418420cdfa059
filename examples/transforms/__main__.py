"""Watches an existing job queue; what it creates follows the company's rules."""

from __future__ import annotations

import pulumi

from batchbell.components import ArrayJobNotifier, ArrayJobNotifierArgs
from company_rules import company_rules

config = pulumi.Config()
notifier = ArrayJobNotifier(
    "nightly",
    ArrayJobNotifierArgs(
        job_queue_arns=config.require_object("job_queue_arns"),
        notifiers=[{"type": "sns", "name": "ops"}],
        function=config.get_object("function") or {},
        alarm_topic_arn=config.get("alarm_topic_arn") or "",
    ),
    # For everything that this component creates. `pulumi.runtime.register_resource_transform` is for the whole program.
    opts=pulumi.ResourceOptions(transforms=[company_rules]),
)

for name, value in notifier.outputs.items():
    pulumi.export(name, value)
