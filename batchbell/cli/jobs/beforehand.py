"""What the operator should know before a rerun is submitted: what may fail, what is different, what stays as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from batchbell.cli.jobs.failed_children import FailedChild, shown
from batchbell.cli.jobs.first_job import FirstJob
from batchbell.cli.jobs.overrides import Changes
from batchbell.cli.jobs.related_jobs import LOOKED_THROUGH, RelatedJobs
from batchbell.cli.jobs.submission import TAGS_LIMIT, Submission, copied_tags, is_sequential
from batchbell.cli.jobs.wrapped_command import names_that_a_shell_may_change, unwrap
from batchbell.texts import one_line
from batchbell.wire import RERUN_INDEXES

SHELLS = ("sh", "/bin/sh", "/usr/bin/sh")
NAMES_SHOWN = 5


def notes(
    job: FirstJob,
    children: Sequence[FailedChild],
    submissions: Sequence[Submission],
    related: RelatedJobs,
    changes: Changes,
) -> list[str]:
    """Return one sentence or two for each thing, the most important first.

    children: those that are run again.
    """
    return [
        *_of_dependencies(job, children),
        *_of_related_jobs(related),
        *(_of_the_command(job) if changes.wrapped else _of_the_variable()),
        *_of_what_is_not_told(job),
        *_of_the_jobs(job, submissions),
    ]


def _of_dependencies(job: FirstJob, children: Sequence[FailedChild]) -> Iterator[str]:
    never_ran = [child.index for child in children if child.never_ran]
    if never_ran and not is_sequential(job.detail):
        yield (
            f"{len(never_ran):,} of them never ran, since a job that they depend on had failed ({shown(never_ran)}): "
            "run that job again first."
        )
    waited_for = [str(one["jobId"]) for one in job.detail.get("dependsOn") or [] if one.get("jobId")]
    if waited_for:
        yield f"The first job waited for {_few(waited_for)}; the rerun does not."


def _of_related_jobs(related: RelatedJobs) -> Iterator[str]:
    if related.dependents:
        named = _few([f"{one.id} ({one.name}, {one.status})" for one in related.dependents])
        yield f"Jobs that depend on the first one are not revived; submit them again yourself: {named}."
    if not related.complete:
        yield (
            f"The queue has more jobs than the {LOOKED_THROUGH:,} that were looked through: an earlier rerun under "
            "another name, or a job that depends on the first one, may be missing here."
        )


def _of_the_command(job: FirstJob) -> Iterator[str]:
    words = unwrap(job.detail["container"].get("command") or [])
    if words[0] not in SHELLS:
        yield (
            "The command is run by `sh`. In an image without sh, or whose ENTRYPOINT does not run its arguments, each "
            "child fails at once; AWS Batch does not tell that beforehand."
        )
    if changed := names_that_a_shell_may_change(job.variables()):
        yield f"A shell may drop or change these variables of the environment: {_few(changed)}."
    parameters = job.detail.get("parameters") or {}
    if any("Ref::" in str(value) for value in parameters.values()):
        yield "The value of a parameter has `Ref::` in it: whether Batch replaces it once more is not documented."


def _of_the_variable() -> Iterator[str]:
    yield f"The job must read its indexes from {RERUN_INDEXES}: AWS_BATCH_JOB_ARRAY_INDEX is its position in that list."


def _of_what_is_not_told(job: FirstJob) -> Iterator[str]:
    if job.detail.get("schedulingPriority") is not None and not job.detail.get("shareIdentifier"):
        yield "AWS Batch does not tell whether the scheduling priority was overridden: the definition's is used."
    left_out = sorted(key for key in job.tags if key.startswith("aws:"))
    if left_out:
        yield f"Tags that only AWS may set are left out: {_few(left_out)}."
    if len(copied_tags(job)) >= TAGS_LIMIT:
        yield f"The job has {TAGS_LIMIT} tags, as many as AWS takes: one makes room for the tag of the rerun."


def _of_the_jobs(job: FirstJob, submissions: Sequence[Submission]) -> Iterator[str]:
    if len(submissions) > 1:
        order = ", one after the other" if is_sequential(job.detail) else ""
        yield f"SubmitJob takes 30 KiB, so that {len(submissions)} jobs are submitted{order}."
    if any(len(one.indexes) == 1 for one in submissions):
        yield "One child is a single job: a stack sends a message about it only with `single_jobs: true`."


def _few(texts: Sequence[str]) -> str:
    rest = len(texts) - NAMES_SHOWN
    shown_texts = ", ".join(one_line(text, 300) for text in texts[:NAMES_SHOWN])
    return shown_texts + (f" and {rest:,} more" if rest > 0 else "")
