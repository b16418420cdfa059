"""Finished arrays of which nobody heard, because their event never came.

Each job queue has a row that says up to when it was checked. A queue that is watched for the first time begins now:
what ended before is nobody's news.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from batchbell.dispatcher.delivery.ledger import ROW_LIFETIME
from batchbell.dispatcher.error_code import error_code
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.records.json_object import InvalidEvent
from batchbell.dispatcher.takers import Takers
from batchbell.dispatcher.telemetry import logger
from batchbell.dispatcher.timing import Deadline
from batchbell.dispatcher.watch.composed_before import was_composed
from batchbell.dispatcher.watch.listing import Listing
from batchbell.dispatcher.watch.rows import Key, Rows
from batchbell.dispatcher.watch.running_array import RunningArray, job_from
from batchbell.wire import BOARD, SWEEP_KEY, Column

SETTLED = 600  # s after a job's end: until then its event is on its way
OVERLAP = 3_600  # s that are checked again: AWS's lists may lag


def ended_at(array: RunningArray) -> float:
    """Epoch seconds. AWS may leave a parent's stoppedAt out: then when its children were last counted."""
    stopped = array.job.stopped_at
    return stopped / 1000 if stopped else array.updated_at or (array.job.created_at or 0) / 1000


@dataclass(frozen=True)
class Checked:
    """The rows of the job queues.

    until: every job that ended before it has its message, by the queue's ARN.
    new: queues that have no row yet.
    """

    rows: Rows
    until: Mapping[str, float]
    new: frozenset[str]

    @classmethod
    def read(cls, rows: Rows, queues: Sequence[str], now: float, deadline: Deadline) -> Checked:
        """A queue whose row could not be read is missing."""
        found = rows.read([(SWEEP_KEY, queue) for queue in queues], deadline)
        until = {queue: float(row[Column.CHECKED]["N"]) if row else now for (_, queue), row in found.items()}
        return cls(rows, until, frozenset(queue for (_, queue), row in found.items() if not row))

    def includes(self, queue: str, array: RunningArray, now: float) -> bool:
        return queue in self.until and self.until[queue] <= ended_at(array) <= now - SETTLED

    def advance(self, queue: str, now: float) -> None:
        """Write that everything until now was found. An error of AWS only lets the same be checked again."""
        moment = max(self.until[queue], now - SETTLED - OVERLAP)
        if moment == self.until[queue] and queue not in self.new:
            return
        try:
            self.rows.dynamodb.update_item(
                TableName=self.rows.table,
                Key={Column.MESSAGE: {"S": SWEEP_KEY}, Column.NOTIFIER: {"S": queue}},
                UpdateExpression="SET #checked = :checked, #expires = :expires",
                ConditionExpression="attribute_not_exists(#checked) OR #checked < :checked",
                ExpressionAttributeNames={"#checked": Column.CHECKED, "#expires": Column.EXPIRES},
                ExpressionAttributeValues={
                    ":checked": {"N": f"{moment:.3f}"},
                    ":expires": {"N": f"{now + ROW_LIFETIME:.3f}"},
                },
            )
        except (ClientError, BotoCoreError) as error:
            code = error_code(error)
            if code != "ConditionalCheckFailedException":
                logger.warning("the row of the job queue could not be written", queue=queue, reason=code)


@dataclass(frozen=True)
class Lost:
    """`complete`: each of the arrays that were given has its message now, or is among the jobs."""

    jobs: Sequence[Job]
    complete: bool


def find_lost(
    arrays: Sequence[RunningArray], takers: Takers, rows: Rows, listing: Listing, now: float, *, repeated: bool
) -> Lost:
    """Return the finished arrays of whose message no notifier has a row. Raises the errors of boto3.

    now: epoch seconds.
    repeated: as in `was_composed`: then one notifier without its message is enough.
    """
    keys = {array.job.key: _keys(array.job, takers) for array in arrays}
    found = rows.read([key for some in keys.values() for key in some], listing.budget.deadline)
    composed = {key: was_composed(row, now, repeated=repeated) for key, row in found.items()}
    unread = {key for key, some in keys.items() if not found.keys() >= set(some)}
    enough = all if repeated else any
    known = {key for key, some in keys.items() if key in unread or enough(composed[one] for one in some)}
    missing = [array for array in arrays if keys[array.job.key] and array.job.key not in known]
    described = listing.describe([array.job.id for array in missing])
    budget = listing.budget
    # One that Batch lists and does not describe has vanished meanwhile: the list says the most important.
    skipped = [] if budget.has_left else [array for array in missing if array.job.id not in described]
    jobs = [_job(described.get(array.job.id, {}), array) for array in missing if array not in skipped]
    return Lost([job for job in jobs if _keys(job, takers)], complete=not unread and not skipped)


def _keys(job: Job, takers: Takers) -> Sequence[Key]:
    """Return the rows that tell whether somebody has the outcome: as a message of its own, or as a live one's last."""
    heard = [(job.key, one.name) for one in takers.of(job, job.status)]
    return heard or [(f"{job.arn}{BOARD}", one.name) for one in takers.of_live(job)]


def _job(described: Mapping[str, Any], array: RunningArray) -> Job:
    """The job as its event would have described it."""
    moment = datetime.fromtimestamp(ended_at(array), UTC).isoformat()
    try:
        # DescribeJobs leaves `tags` out where a job has none.
        return job_from({"tags": {}, **described}, array.job.queue, moment)
    except InvalidEvent:
        return replace(array.job, event_time=moment)
