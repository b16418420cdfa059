"""What a sweep has to say about running arrays, and to whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.messages.failures import DESCRIBED, LookUpBudget
from batchbell.dispatcher.messages.job_tags import look_up_tags
from batchbell.dispatcher.messages.running_job import Observed
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.takers import Takers
from batchbell.dispatcher.watch.predicates import warnings_about
from batchbell.dispatcher.watch.watching import Rules
from batchbell.wire import BOARD, Status


@dataclass(frozen=True)
class Due:
    """A message about an array that is to be composed. `status`: the message's."""

    observed: Observed
    status: Status
    takers: Sequence[Instance]

    @property
    def job(self) -> Job:
        return self.observed.array.job

    @property
    def key(self) -> str:
        """The message's key."""
        return f"{self.job.arn}{BOARD}" if self.status is Status.RUNNING else f"{self.job.arn}#{self.status}"


def due_warnings(observed: Sequence[Observed], rules: Rules, takers: Takers) -> Iterator[Due]:
    for one in observed:
        for status in warnings_about(one.array, one.seen, rules, one.now):
            yield Due(one, status, takers.of(one.array.job, status))


def due_progress(observed: Sequence[Observed], takers: Takers) -> Iterator[Due]:
    """For the notifiers that keep a live message."""
    for one in observed:
        if one.array.is_under_way:
            yield Due(one, Status.RUNNING, takers.of_live(one.array.job))


def only_for(due: Sequence[Due], is_for: Mapping[tuple[str, str], bool]) -> Sequence[Due]:
    """Leave out the notifiers for which `is_for`, by the messages' keys and their names, is not true."""
    left = [replace(one, takers=[it for it in one.takers if is_for.get((one.key, it.name))]) for one in due]
    return [one for one in left if one.takers]


def with_tags(due: Sequence[Due], takers: Takers, batch: Any, budget: LookUpBudget) -> Sequence[Due]:
    """Look up the tags that somebody asks for, and leave out the notifiers whose filters they do not pass.

    batch: a boto3 client.
    """
    asking = list(dict.fromkeys(one.job.id for one in due if one.takers and takers.ask_for_tags(one.job, one.status)))
    tags: dict[str, Mapping[str, str]] = {}
    for first in range(0, len(asking), DESCRIBED):
        tags.update(look_up_tags(asking[first : first + DESCRIBED], batch, budget))
    tagged = [_tagged(one, tags) for one in due]
    passes = {
        (one.key, taker.name): taker.takes(one.status, one.job.name, one.job.tags)
        for one in tagged
        for taker in one.takers
    }
    return only_for(tagged, passes)


def _tagged(due: Due, tags: Mapping[str, Mapping[str, str]]) -> Due:
    if due.job.tags is not None or due.job.id not in tags:
        return due
    array = replace(due.observed.array, job=replace(due.job, tags=tags[due.job.id]))
    return replace(due, observed=replace(due.observed, array=array))
