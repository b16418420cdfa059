"""How long AWS Batch still sees a job queue's relation to a compute environment that the queue no longer uses.

UpdateJobQueue succeeds at once, and DescribeJobQueues shows the new order; but for a while the old environment cannot
be deleted (pulumi-aws#6233, terraform-provider-aws#46925). AWS documents no limit. Here it lasts `RELATION_LAG`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

RELATION_LAG = 2.0  # seconds


class QueueRelations:
    """Relations that have ended, by the compute environment's ARN. `lag`: for how many seconds each still holds."""

    def __init__(self) -> None:
        self.lag = RELATION_LAG
        self._ended: dict[str, float] = {}

    def end(self, environment_arns: Iterable[str]) -> None:
        """Note that a queue no longer uses these environments."""
        self._ended.update(dict.fromkeys(environment_arns, time.monotonic()))

    def holds(self, environment_arn: str) -> bool:
        """Whether AWS would still see the relation of a queue that no longer uses the environment."""
        ended = self._ended.get(environment_arn)
        return ended is not None and time.monotonic() < ended + self.lag


queue_relations = QueueRelations()
