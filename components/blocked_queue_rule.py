"""BlockedQueueRule: an EventBridge rule that matches a job queue whose first job cannot run."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from batchbell.provisioning import Context

from .batch_event_rule import BatchEventRule
from .settings.arns import blocked_pattern


class BlockedQueueRule(BatchEventRule):
    """Its pattern: `watched.blocked_pattern`."""

    def __init__(
        self,
        name: str,
        context: Context,
        *,
        queue_arns: Sequence[pulumi.Input[str]],
        definition_arns: Sequence[pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            "batchbell:index:BlockedQueueRule",
            name,
            context,
            description="Blocked AWS Batch job queues",
            make_pattern=blocked_pattern,
            queue_arns=queue_arns,
            definition_arns=definition_arns,
            opts=opts,
        )
