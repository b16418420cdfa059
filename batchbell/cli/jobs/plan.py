"""What a rerun would do: which children failed, which of them are run again, and by which submissions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from batchbell.cli.jobs import beforehand, refusals
from batchbell.cli.jobs.batch_api import BatchApi
from batchbell.cli.jobs.failed_children import FailedChild, find_failed
from batchbell.cli.jobs.first_job import FirstJob
from batchbell.cli.jobs.overrides import Changes
from batchbell.cli.jobs.related_jobs import RelatedJobs, find_related
from batchbell.cli.jobs.submission import Submission, make_submissions


@dataclass(frozen=True)
class Plan:
    """A rerun that is not submitted yet.

    failed: the job's failed children, also those that are not run again.
    indexes: those that are run again; empty if there is nothing to do.
    not_failed: those that the operator named and that have not failed.
    repeated: those that succeeded in an earlier rerun, or that it still runs.
    """

    job: FirstJob
    failed: Sequence[FailedChild]
    indexes: Sequence[int]
    not_failed: Sequence[int]
    repeated: Sequence[int]
    related: RelatedJobs
    submissions: Sequence[Submission]
    notes: Sequence[str] = field(default=())

    @property
    def chosen(self) -> Sequence[FailedChild]:
        indexes = set(self.indexes)
        return [child for child in self.failed if child.index in indexes]


def make_plan(batch: BatchApi, job: FirstJob, only: Sequence[int] | None, changes: Changes) -> Plan:
    """Find out what can be run again.

    only: the indexes that the operator named, or None for all that failed.

    Raises CommandFailed for what cannot be run again, and botocore's errors.
    """
    failed = find_failed(batch, job)
    related = find_related(batch, job)
    wanted = {child.index for child in failed} if only is None else set(only)
    not_failed = wanted - {child.index for child in failed}
    repeated = (wanted - not_failed) & set().union(*(rerun.not_to_repeat for rerun in related.reruns))
    indexes = sorted(wanted - not_failed - repeated)
    plan = Plan(job, failed, indexes, sorted(not_failed), sorted(repeated), related, ())
    if not indexes:
        return plan
    refusals.check(batch, job, changes)
    submissions = make_submissions(job, indexes, changes)
    notes = beforehand.notes(job, plan.chosen, submissions, related, changes)
    return Plan(job, failed, indexes, plan.not_failed, plan.repeated, related, submissions, notes)
