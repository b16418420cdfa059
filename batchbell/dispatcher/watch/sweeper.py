"""One sweep: looks at the watched job queues, remembers what it saw, and composes what people should hear of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from batchbell.contract import Message
from batchbell.dispatcher.delivery.outcome import Delivery
from batchbell.dispatcher.messages.early_failures import compose_early_failures
from batchbell.dispatcher.messages.failures import LookUpBudget, look_up_failures
from batchbell.dispatcher.messages.live_message import progress_number
from batchbell.dispatcher.messages.log_end import LogReader
from batchbell.dispatcher.messages.origin import Origin
from batchbell.dispatcher.messages.overdue import compose_overdue
from batchbell.dispatcher.messages.progress import compose_progress
from batchbell.dispatcher.messages.running_job import Observed
from batchbell.dispatcher.messages.stalled import compose_stalled
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.takers import Takers
from batchbell.dispatcher.telemetry import logger
from batchbell.dispatcher.timing import SWEEP_CALLS, Deadline, Timing
from batchbell.dispatcher.watch.begin import look_up_begin
from batchbell.dispatcher.watch.composed_before import shown, was_composed
from batchbell.dispatcher.watch.due import Due, due_progress, due_warnings, only_for, with_tags
from batchbell.dispatcher.watch.late_warnings import LateWarnings
from batchbell.dispatcher.watch.listing import Listing, NotAsked
from batchbell.dispatcher.watch.memory import Memory, Seen
from batchbell.dispatcher.watch.predicates import is_stalled
from batchbell.dispatcher.watch.queue_state import look_up_queue
from batchbell.dispatcher.watch.rows import Rows
from batchbell.dispatcher.watch.running_array import RunningArray
from batchbell.dispatcher.watch.standstill import moved_after
from batchbell.dispatcher.watch.survey import Survey
from batchbell.dispatcher.watch.watching import Watching
from batchbell.wire import Status


@dataclass(frozen=True)
class Swept:
    """`lost`: finished jobs of which nobody heard."""

    deliveries: Sequence[Delivery]
    lost: Sequence[Job]


@dataclass(frozen=True)
class Sweeper:
    """`batch`: a boto3 client. `rows`: of the ledger's table."""

    watching: Watching
    takers: Takers
    batch: Any
    rows: Rows
    timing: Timing
    origin: Origin
    logs: LogReader

    def sweep(self, known: frozenset[str], budget: LookUpBudget, *, repeated: bool) -> Swept:
        """Errors of AWS are logged: the next sweep comes soon.

        known: keys of outcomes that are composed in this invocation anyway.
        budget: for what the messages say, such as the causes of failures.
        repeated: the record came before, and the function died.
        """
        now, ends = time.time(), Deadline.after(self.timing.sweep)
        listing = Listing(self.batch, self.watching, LookUpBudget(ends, SWEEP_CALLS))
        found = Survey(listing, self.rows, self.takers, known, now, repeated).run()
        observed = self._remember(found.running, listing, now)
        true = list(due_warnings(observed, self.watching.rules, self.takers))
        new = self._new(true, now, ends, repeated=repeated)
        warnings = [one for each in new if (one := self._confirmed(each, listing)) is not None]
        progress = self._moved(list(due_progress(observed, self.takers)), ends)
        composed = [
            (one, self._compose(one, budget))
            for one in with_tags([*warnings, *progress], self.takers, self.batch, listing.budget)
        ]
        deliveries = [
            Delivery(taker, taker.shown(message, one.job.tags), now)
            for one, message in composed
            for taker in one.takers
        ]
        logger.info(
            "sweep",
            running=len(found.running),
            warnings=len(warnings),
            lost=[job.key for job in found.lost],
            calls=SWEEP_CALLS - listing.budget.calls,
            seconds=round(self.timing.sweep - ends.left, 2),
        )
        return Swept(deliveries, found.lost)

    def late_warnings(self, budget: LookUpBudget) -> LateWarnings:
        return LateWarnings(Listing(self.batch, self.watching, budget), self.rows, self.timing)

    def _remember(self, arrays: Sequence[RunningArray], listing: Listing, now: float) -> Sequence[Observed]:
        """Read and write what the sweeps saw. An array whose row could not be read waits for the next sweep."""
        memory, ends = Memory(self.rows), listing.budget.deadline
        before = memory.read([array.job.arn for array in arrays], ends)
        known = [array for array in arrays if array.job.arn in before]
        begun = self._begun(known, before, listing, now)
        after = {array.job.arn: begun[array.job.arn].then(array, now) for array in known}
        memory.write({arn: seen for arn, seen in after.items() if seen != before[arn]}, now, ends)
        return [Observed(array, after[array.job.arn], now, self.origin.zone) for array in known]

    def _begun(
        self, arrays: Sequence[RunningArray], before: Mapping[str, Seen], listing: Listing, now: float
    ) -> Mapping[str, Seen]:
        """Add since when those run that ran before any sweep saw them."""
        late = [
            array
            for array in arrays
            if before[array.job.arn].seen is None and not array.job.started_at and array.progress.started
        ]
        try:
            began = look_up_begin(late, listing, now)
        except (ClientError, BotoCoreError) as error:
            logger.warning("since when jobs run could not be looked up", reason=type(error).__name__)
            began = {}
        return {arn: replace(seen, seen=began.get(arn, seen.seen)) for arn, seen in before.items()}

    def _new(self, warnings: Sequence[Due], now: float, ends: Deadline, *, repeated: bool) -> Sequence[Due]:
        """Leave out who has a warning, or will have it. What could not be read waits for the next sweep."""
        rows = self.rows.read([(one.key, taker.name) for one in warnings for taker in one.takers], ends)
        return only_for(warnings, {key: not was_composed(row, now, repeated=repeated) for key, row in rows.items()})

    def _moved(self, progress: Sequence[Due], ends: Deadline) -> Sequence[Due]:
        """Leave out whose live message shows as much already. What could not be read waits for the next sweep."""
        numbers = {one.key: progress_number(one.observed.array.progress) for one in progress}
        rows = self.rows.read([(one.key, taker.name) for one in progress for taker in one.takers], ends)
        return only_for(progress, {(key, name): shown(row) < numbers[key] for (key, name), row in rows.items()})

    def _confirmed(self, due: Due, listing: Listing) -> Due | None:
        """None if only the array's summary stands still, or if AWS cannot be asked: the next sweep asks again."""
        if due.status is not Status.STALLED:
            return due
        array, seen, now = due.observed.array, due.observed.seen, due.observed.now
        try:
            moved = moved_after(array, seen.moved or 0.0, self.watching.rules.stalled or 0.0, listing)
        except (ClientError, BotoCoreError, NotAsked) as error:
            logger.warning("whether a job stands still could not be looked up", reason=type(error).__name__)
            return None
        if moved is None:
            return due
        after = replace(seen, moved=min(moved, now))
        Memory(self.rows).write({array.job.arn: after}, now, listing.budget.deadline)
        stalled = is_stalled(array, after, self.watching.rules, now)
        return replace(due, observed=replace(due.observed, seen=after)) if stalled else None

    def _compose(self, due: Due, budget: LookUpBudget) -> Message:
        job, owner_tag = due.job, self.takers.owner_tag
        match due.status:
            case Status.EARLY:
                failures = look_up_failures(job, self.batch, budget, self.logs)
                return compose_early_failures(due.observed, failures, owner_tag)
            case Status.OVERDUE:
                limit = self.watching.rules.overdue_after(job.name) or 0.0
                return compose_overdue(due.observed, limit, owner_tag)
            case Status.STALLED:
                return compose_stalled(due.observed, look_up_queue(job.queue, self.batch, budget), owner_tag)
            case Status.RUNNING:
                return compose_progress(due.observed, owner_tag)
