"""`python -m tools.first_deploy`: asks, runs the steps, and leaves one redacted file. docs/first-deploy.md tells it."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml
from botocore.exceptions import BotoCoreError, ClientError

from batchbell.terminal import Screen

from .account import Account, open_account
from .capture import remove_queue, remove_rule
from .leftovers import find_leftovers
from .pace import Pace
from .program import find_program, make_program
from .redaction import Redaction
from .run import Report, Run, run_steps
from .steps import DESTROY_LIMIT, SETTINGS, STEPS, clean_up

WORK = Path(".batchbell") / "first-deploy"
REPORT = "first-deploy-report.json"
FAILED, REFUSED, INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str], pace: Pace) -> int:
    """Return the exit code: 0 if every step was ok, 1 if one was not, 2 if nothing was begun, 130 after Ctrl-C."""
    options = _options(arguments)
    screen = Screen()
    try:
        account = open_account(options.profile, options.region)
    except (BotoCoreError, ClientError) as error:
        screen.print(f"AWS does not know these credentials: {error}")
        return REFUSED
    for number in (signal.SIGINT, signal.SIGTERM):  # whatever ends the run, it cleans up first
        signal.signal(number, signal.default_int_handler)
    if options.clean_up:
        return _clean_up(account, options, screen)
    if shutil.which("pulumi") is None:
        screen.print("the Pulumi CLI is not on PATH")
        return REFUSED
    folder: Path = (options.work / "program").resolve()
    if find_program(folder, account, options.profile).exists():
        screen.print(f"{options.work} has the stack of a run that was killed: --clean-up removes it")
        return REFUSED
    if not options.yes and not _agreed(account, screen):
        return REFUSED
    program = make_program(folder, account, options.profile, {**SETTINGS, **dict(options.set)})
    run = Run(account, program, pace, screen.print)
    return _run(run, options.work / REPORT)


def _run(run: Run, file: Path) -> int:
    report = Report(file, Redaction(run.account.id, os.environ), run)
    try:
        results = run_steps(run, STEPS, report)
    finally:
        if run.cleanup:
            run.tell("removing what this run made")
            removed = clean_up(run)
    if len(results) < len(STEPS):
        report.write(results, removed=removed, left=find_leftovers(run.account))
    _forget(run)
    run.tell(f"Read {file}, then attach it to an issue.")
    outcomes = {one.outcome for one in results}
    return INTERRUPTED if "interrupted" in outcomes else FAILED if "failed" in outcomes else 0


def _clean_up(account: Account, options: argparse.Namespace, screen: Screen) -> int:
    """Remove what an earlier run left, whose process was killed."""
    program = find_program((options.work / "program").resolve(), account, options.profile)
    run = Run(account, program, Pace(), screen.print)
    run.cleanup.add("the stack", lambda: program.destroy(limit=DESTROY_LIMIT))
    run.cleanup.add("the temporary queue", lambda: remove_queue(account))
    run.cleanup.add("the temporary rule", lambda: remove_rule(account))
    removed = clean_up(run)
    for one in removed:
        screen.print(f"{one['removed']}: {one['outcome']}")
    for kind, names in find_leftovers(account).items():
        screen.print(f"left: {kind}: {', '.join(names)}")
    _forget(run)
    return FAILED if any(one["outcome"] != "ok" for one in removed) else 0


def _forget(run: Run) -> None:
    """Remove the program's copy and its state, unless the stack still has something in AWS."""
    if run.program.exists():
        run.tell("the stack is still there, and so is its state: --clean-up tries again")
    else:
        shutil.rmtree(run.program.folder)


def _agreed(account: Account, screen: Screen) -> bool:
    screen.print(f"Account {account.id}, region {account.region}. The steps, each with its limit and what it costs:")
    for step in STEPS:
        screen.print(f"- {step.name}, at most {step.limit / 60:.0f} min: {step.does}. Costs: {step.costs}.")
    screen.print("Type yes to begin:")
    return sys.stdin.readline().strip() == "yes"


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tools.first_deploy", description=__doc__)
    parser.add_argument("--profile", default="", help="profile of the AWS configuration")
    parser.add_argument("--region", default="", help="overrides the region of the AWS configuration")
    parser.add_argument("--work", type=Path, default=WORK, help="folder for state and report (%(default)s)")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--clean-up", action="store_true", help="only remove what a run left that was killed")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=_setting,
        metavar="KEY=VALUE",
        help="a setting of the stack, such as environment_subnet_ids=[subnet-0123456789abcdef0]; may be repeated",
    )
    return parser.parse_args(arguments)


def _setting(text: str) -> tuple[str, object]:
    name, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError("takes KEY=VALUE")
    return name, yaml.safe_load(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Pace()))
