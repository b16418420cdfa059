"""`rerun`: runs the failed children of an array job again, each with the index that it had."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from batchbell.cli.deployed.stack import ProfileOption, RegionOption
from batchbell.cli.errors import INTERRUPTED, CommandFailed, reporting_errors, show_activity
from batchbell.cli.jobs import display
from batchbell.cli.jobs.batch_api import BatchApi
from batchbell.cli.jobs.failed_children import group_by_cause
from batchbell.cli.jobs.first_job import find_first_job
from batchbell.cli.jobs.job_reference import parse_job
from batchbell.cli.jobs.outcome import Outcome, follow, read_outcome
from batchbell.cli.jobs.overrides import Changes
from batchbell.cli.jobs.plan import Plan, make_plan
from batchbell.cli.jobs.related_jobs import find_related
from batchbell.cli.jobs.submitting import SubmittedJob, submit
from batchbell.cli.progress_bar import progress_bar
from batchbell.dispatcher.records.index_ranges import parse_ranges
from batchbell.terminal import Screen, print_json

FAILED_AGAIN = 1  # exit code
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")  # AWS Batch API reference, SubmitJob: jobName
# Of a tag's value (AWS General Reference, "Tag naming limits and requirements").
_NOT_IN_TAGS = re.compile(r"[^\w\s+\-=.:/@]")
REASON_LIMIT = 256  # characters of a tag's value (the same)
_VCPUS, _MEMORY = re.compile(r"[0-9]+(\.[0-9]+)?"), re.compile(r"[0-9]+")

EPILOG = """
[bold]Examples[/bold]

batchbell rerun 4c7599ae-0a82-49aa-ba5a-4727fcce14a8 --dry-run

batchbell rerun 4c7599ae-0a82-49aa-ba5a-4727fcce14a8 --region eu-west-1 --set-memory 8192 --reason "out of memory"

batchbell rerun 4c7599ae-0a82-49aa-ba5a-4727fcce14a8 --only 17,20-40 --yes --wait --json | jq .outcome.failed

[bold]Exit codes[/bold]   0: submitted, or nothing to run again; with --wait: all succeeded · 1: with --wait: some \
failed again · 2: refused, an error of AWS, no answer to the question, or wrong arguments · 130: Ctrl-C; what was \
submitted runs on

docs/operations.md says how it works, which images it does not fit, and describes the output of --json.
"""


@dataclass(frozen=True)
class Rerun:
    """The output of `--json`."""

    region: str
    dry_run: bool
    plan: Plan
    submitted: Sequence[SubmittedJob]
    outcome: Outcome | None  # None without --wait

    def to_dict(self) -> dict[str, Any]:
        plan, related = self.plan, self.plan.related
        return {
            "job": {"id": plan.job.id, "arn": plan.job.arn, "name": plan.job.name, "status": plan.job.status},
            "region": self.region,
            "dry_run": self.dry_run,
            "failed": len(plan.failed),
            "groups": [group.to_dict() for group in group_by_cause(plan.chosen)],
            "indexes": list(plan.indexes),
            "left_out": {"not_failed": list(plan.not_failed), "in_earlier_reruns": list(plan.repeated)},
            "earlier_reruns": [rerun.to_dict() for rerun in related.reruns],
            "dependents": [one.to_dict() for one in related.dependents],
            "notes": list(plan.notes),
            "jobs": len(plan.submissions),
            "submitted": [
                {
                    "id": one.id,
                    "arn": one.arn,
                    "name": one.name,
                    "link": display.link_of(one.arn),
                    "indexes": list(one.indexes),
                }
                for one in self.submitted
            ],
            "outcome": self.outcome and self.outcome.to_dict(),
        }


def command(
    job: Annotated[str, typer.Argument(metavar="JOB", help="The id or ARN of an array job, or of a rerun.")],
    only: Annotated[str, typer.Option("--only", help="Of the failed children only these, such as 17,20-40.")] = "",
    set_vcpus: Annotated[str, typer.Option("--set-vcpus", help="vCPUs of each child.", metavar="NUMBER")] = "",
    set_memory: Annotated[str, typer.Option("--set-memory", help="Memory of each child.", metavar="MIB")] = "",
    name: Annotated[str, typer.Option("--name", help="The new job's name; default: the first one's.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="Becomes a tag of the new job.", metavar="TEXT")] = "",
    indexes_variable: Annotated[
        bool,
        typer.Option("--indexes-variable", help="Leave the command as it is: the job itself reads BATCHBELL_INDEXES."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be submitted, and submit nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Submit without asking.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until all have ended; the exit code says how.")] = False,
    region: RegionOption = "",
    profile: ProfileOption = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Run the failed children of an array job again, and no others: each has the index that it had.

    Uses your own permissions, not the stack's; it needs no stack. A child that runs, or that succeeded in an earlier
    rerun, is left out.
    """
    with reporting_errors():
        reference = parse_job(job, region)
        indexes = _parse_only(only) if only else None
        changes = _changes(name, reason, set_vcpus, set_memory, wrapped=not indexes_variable)
        with show_activity("Calling AWS"):
            batch = BatchApi(reference.region, profile)
            plan = make_plan(batch, find_first_job(batch, reference), indexes, changes)
        if not as_json:
            display.show_plan(plan, changes, Screen())
        submitted: list[SubmittedJob] = []
        if plan.indexes and not dry_run:
            if not yes:
                _ask(batch, plan, as_json)
            _submit(batch, plan, submitted, as_json)
        outcome = _wait(batch, submitted) if wait and submitted else None
    if as_json:
        print_json(Rerun(batch.region, dry_run, plan, submitted, outcome).to_dict())
    elif outcome:
        display.show_outcome(plan, outcome, Screen())
    elif dry_run and plan.indexes:
        Screen().print("Without --dry-run, this would be submitted; nothing was.")
    if outcome and outcome.failed:
        raise typer.Exit(FAILED_AGAIN)


def _parse_only(text: str) -> Sequence[int]:
    try:
        return parse_ranges(text)
    except ValueError as problem:
        raise CommandFailed(f"--only takes indexes such as 17,20-40: {problem}") from None


def _changes(name: str, reason: str, vcpus: str, memory: str, *, wrapped: bool) -> Changes:
    if name and not _NAME.fullmatch(name):
        raise CommandFailed("--name takes at most 128 letters, digits, - and _, and begins with a letter or digit")
    if vcpus and not _VCPUS.fullmatch(vcpus):
        raise CommandFailed("--set-vcpus takes a number, such as 2 or 0.5")
    if memory and not _MEMORY.fullmatch(memory):
        raise CommandFailed("--set-memory takes a number of MiB, such as 8192")
    tag = " ".join(_NOT_IN_TAGS.sub(" ", reason).split())[:REASON_LIMIT]
    return Changes(name, tag, vcpus, memory, wrapped)


def _ask(batch: BatchApi, plan: Plan, as_json: bool) -> None:
    """Raises CommandFailed unless the operator says yes, and nobody else has submitted a rerun meanwhile."""
    errors = Screen(stderr=True)
    if as_json:  # standard output is for the result
        display.show_plan(plan, None, errors)
    errors.print(display.question(plan), end=" ", soft_wrap=True)
    errors.file.flush()
    answer = sys.stdin.readline()
    if not answer:
        errors.print()
        raise CommandFailed("nobody answered, so nothing was submitted: --yes submits without asking")
    if answer.strip().lower() not in ("y", "yes"):
        raise CommandFailed("nothing was submitted")
    with show_activity("Calling AWS"):
        known = {rerun.id for rerun in plan.related.reruns}
        now = find_related(batch, plan.job).reruns
    if new := [rerun.id for rerun in now if rerun.id not in known]:
        raise CommandFailed(f"nothing was submitted: somebody has just submitted the rerun {new[0]}")


def _submit(batch: BatchApi, plan: Plan, submitted: list[SubmittedJob], as_json: bool) -> None:
    """Submit all, and show each one at once. `submitted`: is filled."""
    screen = Screen(stderr=as_json)
    try:
        with show_activity("Submitting"):
            for one in submit(batch, plan):
                submitted.append(one)
                display.show_submitted(one, screen)
    except KeyboardInterrupt:
        screen.print(f"Stopped: {len(submitted)} of {len(plan.submissions)} jobs were submitted for sure, and run.")
        raise typer.Exit(INTERRUPTED) from None


def _wait(batch: BatchApi, submitted: Sequence[SubmittedJob]) -> Outcome:
    errors = Screen(stderr=True)
    try:
        with progress_bar(errors) as bars:
            bar = bars.add_task("children finished", total=None)
            for progress in follow(batch, submitted):
                bars.update(bar, completed=progress.finished, total=progress.total)
        return read_outcome(batch, submitted)
    except KeyboardInterrupt:
        errors.print("No longer waiting. What was submitted runs on.")
        raise typer.Exit(INTERRUPTED) from None
