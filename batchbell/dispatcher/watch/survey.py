"""Lists what runs and what has ended in the watched job queues. One queue's error costs the others nothing."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from batchbell.dispatcher.error_code import error_code
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.takers import Takers
from batchbell.dispatcher.telemetry import logger
from batchbell.dispatcher.watch.listing import Listing
from batchbell.dispatcher.watch.lost import Checked, find_lost
from batchbell.dispatcher.watch.rows import Rows
from batchbell.dispatcher.watch.running_array import RunningArray
from batchbell.wire import ENDED

RUNNING = "PENDING"  # AWS's status of an array's parent while its children run

T = TypeVar("T")


@dataclass(frozen=True)
class Surveyed:
    """`running`: arrays of which AWS says in which states their children are. `lost`: outcomes without a message."""

    running: Sequence[RunningArray]
    lost: Sequence[Job]


@dataclass(frozen=True)
class Survey:
    """Of as many job queues as there is budget for.

    known: keys of outcomes that are composed in this invocation anyway.
    now: epoch seconds.
    repeated: as in `was_composed`.
    """

    listing: Listing
    rows: Rows
    takers: Takers
    known: frozenset[str]
    now: float
    repeated: bool

    def run(self) -> Surveyed:
        queues = list(_or_nothing(self.listing.queues, "the account's job queues"))
        random.shuffle(queues)  # where there is not time for all, it is not always the same ones that wait
        checked = Checked.read(self.rows, queues, self.now, self.listing.budget.deadline)
        running: list[RunningArray] = []
        lost: list[Job] = []
        for number, queue in enumerate(queues):
            if not self.listing.budget.has_left:
                logger.warning("there was no time to look at all job queues", queues=len(queues), seen=number)
                break
            running += _or_nothing(partial(self._running, queue), queue)
            lost += _or_nothing(partial(self._lost, queue, checked), queue)
        return Surveyed(running, lost)

    def _running(self, queue: str) -> Sequence[RunningArray]:
        """Asks again for those that ListJobs leaves uncounted."""
        listed = self.listing.arrays(queue, RUNNING).arrays
        details = self.listing.describe([array.job.id for array in listed if not array.is_counted])
        known = [
            RunningArray.from_json(details[array.job.id], queue) if array.job.id in details else array
            for array in listed
        ]
        return [array for array in known if array is not None and array.is_counted and not array.has_ended]

    def _lost(self, queue: str, checked: Checked) -> Sequence[Job]:
        lists = [self.listing.arrays(queue, status) for status in self.listing.watching.statuses if status in ENDED]
        arrays = [
            array
            for listed in lists
            for array in listed.arrays
            if checked.includes(queue, array, self.now) and array.job.key not in self.known
        ]
        found = find_lost(arrays, self.takers, self.rows, self.listing, self.now, repeated=self.repeated)
        if found.complete and queue in checked.until and all(listed.complete for listed in lists):
            checked.advance(queue, self.now)
        return found.jobs


def _or_nothing(look: Callable[[], Sequence[T]], what: str) -> Sequence[T]:
    try:
        return look()
    except (ClientError, BotoCoreError) as error:
        code = error_code(error)
        logger.warning("a sweep could not look at a job queue", queue=what, reason=code)
        return []
