"""What `rerun` shows on the screen."""

from __future__ import annotations

from rich.table import Table

from batchbell.cli.jobs.failed_children import group_by_cause, shown
from batchbell.cli.jobs.outcome import Outcome
from batchbell.cli.jobs.overrides import Changes
from batchbell.cli.jobs.plan import Plan
from batchbell.cli.jobs.submitting import SubmittedJob
from batchbell.dispatcher.messages import console_links
from batchbell.terminal import Screen, line
from batchbell.wire import RERUN_TAG

UNFINISHED = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")


def show_plan(plan: Plan, changes: Changes | None, screen: Screen) -> None:
    """Show what failed and what will be submitted. `changes`: None if they are not to be shown."""
    screen.print(_title(plan), soft_wrap=True)
    for text in _left_out(plan):
        screen.print(text, soft_wrap=True)
    if not plan.indexes:
        screen.print("Nothing to run again.")
        return
    screen.print(_groups(plan))
    job = plan.job
    what = "a single job" if len(plan.indexes) == 1 else f"an array of {len(plan.indexes):,}"
    definition, queue = job.definition.rpartition("/")[2], job.queue.rpartition("/")[2]
    screen.print(f"Submits {what} to {queue}, with {definition} and what the failed children had.", soft_wrap=True)
    if changes:
        given = {"vCPUs": changes.vcpus, "memory": changes.memory and f"{changes.memory} MiB", "name": changes.name}
        if changed := ", ".join(f"{label} {value}" for label, value in given.items() if value):
            screen.print(f"Changed: {changed}.", soft_wrap=True)
    for note in plan.notes:
        screen.print(line(("Note: ", "bold"), note), soft_wrap=True)


def _title(plan: Plan) -> str:
    job = plan.job
    size = len(job.indexes)
    running = sum(job.counts.get(status, 0) for status in UNFINISHED)
    kind = f"rerun of {job.first_arn.rpartition('/')[2]}, " if RERUN_TAG in job.tags else ""
    still = f"; {running:,} have not ended yet" if running else ""
    return f"{job.name} ({kind}{job.id}): {len(plan.failed):,} of {size:,} children failed{still}."


def _left_out(plan: Plan) -> list[str]:
    texts = []
    for rerun in plan.related.reruns:
        again = f", {len(rerun.failed):,} failed again" if rerun.failed else ""
        texts.append(f"Earlier rerun {rerun.id}: {len(rerun.indexes):,} children, {rerun.status}{again}.")
    if plan.repeated:
        texts.append(f"Left out, since they succeeded or still run in an earlier rerun: {shown(plan.repeated)}.")
    if plan.not_failed:
        texts.append(f"Left out, since they have not failed: {shown(plan.not_failed)}.")
    return texts


def _groups(plan: Plan) -> Table:
    table = Table(title="To run again", title_justify="left", title_style="bold")
    table.add_column("number", justify="right")
    table.add_column("reason")
    table.add_column("exit code", justify="right")
    table.add_column("indexes")
    for group in group_by_cause(plan.chosen):
        code = "" if group.exit_code is None else str(group.exit_code)
        table.add_row(f"{len(group.indexes):,}", group.reason, code, shown(group.indexes))
    return table


def question(plan: Plan) -> str:
    number = len(plan.indexes)
    what = "this child" if number == 1 else f"these {number:,} children"
    earlier = len(plan.related.reruns)
    if earlier:
        times = "a rerun" if earlier == 1 else f"{earlier} reruns"
        return f"There was {times} of this failure already. Run {what} once more? [y/N]"
    return f"Run {what} again? [y/N]"


def show_submitted(job: SubmittedJob, screen: Screen) -> None:
    children = "1 child" if len(job.indexes) == 1 else f"{len(job.indexes):,} children"
    screen.print(f"Submitted {job.id} ({children}).", soft_wrap=True)
    if link := link_of(job.arn):
        screen.print(link, soft_wrap=True)


def link_of(arn: str) -> str:
    """Return the job's page in the console; empty if its partition has none that is known."""
    _, partition, _, region, _, job = (arn.split(":", 5) + [""] * 6)[:6]
    return console_links.job(partition, region, job.removeprefix("job/"))


def show_outcome(plan: Plan, outcome: Outcome, screen: Screen) -> None:
    total = outcome.succeeded + len(outcome.failed)
    screen.print(f"{plan.job.name}: {outcome.succeeded:,} of {total:,} now succeeded.", soft_wrap=True)
    if outcome.failed:
        screen.print(f"Failed again: {shown(outcome.failed)}.", soft_wrap=True)
