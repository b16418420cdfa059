"""One sweep: looks at the watched job queues, remembers what it saw, and composes what people should hear of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from batchbell.contract import Message
from batchbell.dispatcher.delivery.outcome import Delivery
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.messages.early_failures import compose_early_failures
from batchbell.dispatcher.messages.failures import DESCRIBED, LookUpBudget, look_up_failures
from batchbell.dispatcher.messages.job_tags import look_up_tags
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
from batchbell.dispatcher.watch.due_warnings import warnings_about
from batchbell.dispatcher.watch.late_warnings import LateWarnings
from batchbell.dispatcher.watch.listing import Listing
from batchbell.dispatcher.watch.memory import Memory, Seen
from batchbell.dispatcher.watch.queue_state import look_up_queue
from batchbell.dispatcher.watch.rows import Rows
from batchbell.dispatcher.watch.running_array import RunningArray
from batchbell.dispatcher.watch.survey import Survey
from batchbell.dispatcher.watch.told import is_told
from batchbell.dispatcher.watch.watching import Watching
from batchbell.wire import Status

Due = tuple[Observed, Status, Sequence[Instance]]  # a message about an array, and who gets it


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
        found = Survey(listing, self.rows, self.takers, known, now).run()
        observed = self._remember(found.running, listing, now)
        warnings = self._untold(list(self._warnings(observed)), now, ends, repeated=repeated)
        due = self._tagged([*warnings, *self._boards(observed)], listing.budget)
        composed = [(self._compose(*one[:2], budget), one) for one in due]
        deliveries = [
            Delivery(instance, instance.shown(message, of.array.job.tags), now)
            for message, (of, _, takers) in composed
            for instance in takers
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
        return LateWarnings(Listing(self.batch, self.watching, budget), self.rows)

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
            if before[array.job.arn].seen is None and not array.job.started_at and array.progress.finished
        ]
        try:
            began = look_up_begin(late, listing, now)
        except (ClientError, BotoCoreError) as error:
            logger.warning("since when jobs run could not be looked up", reason=type(error).__name__)
            began = {}
        return {arn: replace(seen, seen=began.get(arn, seen.seen)) for arn, seen in before.items()}

    def _warnings(self, observed: Sequence[Observed]) -> Iterator[Due]:
        for one in observed:
            for status in warnings_about(one.array, one.seen, self.watching.rules, one.now):
                yield one, status, self.takers.of(one.array.job, status)

    def _boards(self, observed: Sequence[Observed]) -> Iterator[Due]:
        for one in observed:
            takers = [taker for taker in self.takers.of(one.array.job, Status.RUNNING) if taker.progress]
            if takers and one.array.is_under_way:
                yield one, Status.RUNNING, takers

    def _untold(self, warnings: Sequence[Due], now: float, ends: Deadline, *, repeated: bool) -> Sequence[Due]:
        """Leave out who has a warning, or will have it. What could not be read waits for the next sweep."""
        keys = [(f"{one.array.job.arn}#{status}", taker.name) for one, status, takers in warnings for taker in takers]
        rows = self.rows.read(keys, ends)
        untold = {key for key, row in rows.items() if not is_told(row, now, repeated=repeated)}
        left = [
            (one, status, [taker for taker in takers if (f"{one.array.job.arn}#{status}", taker.name) in untold])
            for one, status, takers in warnings
        ]
        return [due for due in left if due[2]]

    def _tagged(self, due: Sequence[Due], budget: LookUpBudget) -> Sequence[Due]:
        """Look up the tags that somebody asks for, and leave out whom they concern not."""
        asking = [one.array.job for one, status, _ in due if self.takers.ask_for_tags(one.array.job, status)]
        ids = list(dict.fromkeys(job.id for job in asking))
        tags: dict[str, Mapping[str, str]] = {}
        for first in range(0, len(ids), DESCRIBED):
            tags.update(look_up_tags(ids[first : first + DESCRIBED], self.batch, budget))
        tagged = [(_with_tags(one, tags), status, takers) for one, status, takers in due]
        left = [
            (one, status, [taker for taker in takers if taker.takes(status, one.array.job.name, one.array.job.tags)])
            for one, status, takers in tagged
        ]
        return [one for one in left if one[2]]

    def _compose(self, observed: Observed, status: Status, budget: LookUpBudget) -> Message:
        job, owner_tag = observed.array.job, self.takers.owner_tag
        if status is Status.EARLY:
            return compose_early_failures(observed, look_up_failures(job, self.batch, budget, self.logs), owner_tag)
        if status is Status.OVERDUE:
            return compose_overdue(observed, self.watching.rules.overdue_after(job.name) or 0.0, owner_tag)
        if status is Status.STALLED:
            return compose_stalled(observed, look_up_queue(job.queue, self.batch, budget), owner_tag)
        return compose_progress(observed, owner_tag)


def _with_tags(observed: Observed, tags: Mapping[str, Mapping[str, str]]) -> Observed:
    job = observed.array.job
    if job.tags is not None or job.id not in tags:
        return observed
    return replace(observed, array=replace(observed.array, job=replace(job, tags=tags[job.id])))
