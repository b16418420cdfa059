"""ParentJobRule: an EventBridge rule that matches an array job's parent and no child."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pulumi

from batchbell.provisioning import Context

from .batch_event_rule import BatchEventRule
from .settings.arns import event_pattern


class ParentJobRule(BatchEventRule):
    """Its pattern: `watched.event_pattern`."""

    def __init__(
        self,
        name: str,
        context: Context,
        *,
        statuses: Sequence[str],
        queue_arns: Sequence[pulumi.Input[str]],
        definition_arns: Sequence[pulumi.Input[str]],
        single_jobs: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            "batchbell:index:ParentJobRule",
            name,
            context,
            description="Finished AWS Batch array jobs, by their parent: one event an array",
            make_pattern=partial(event_pattern, statuses, single_jobs=single_jobs),
            queue_arns=queue_arns,
            definition_arns=definition_arns,
            opts=opts,
        )
