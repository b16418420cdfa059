"""Measures `pulumi preview` of a deployed stack without changes, against a bare program with the same resources."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from typing import Any

from batchbell_local.cloud import LocalCloud
from batchbell_local.slack.sink import SlackSink
from bench.bare_program import write_bare_program
from bench.measurement import Check, Measurement, RunOptions, Table
from bench.pulumi_program import Operation, OperationFailed, Program, copy_project, make_environment
from bench.spread import Spread, compare
from demo.print_color import SENDER

TITLE = "Preview"
ROUNDS = 3
BOUND = 1.25  # × the bare program
SIDE_BY_SIDE = 2  # stacks that are deployed at the same time; previews are measured one by one
COMPARED = {
    "production": "production: an existing job queue, one notifier",
    "print-color": "print-color: with its own Batch environment, three notifiers",
    "twenty": "an existing job queue, 20 notifiers",
}
TEN = "ten"  # a stack that only shows how the time grows
NOTIFIERS = {"production": 1, TEN: 10, "twenty": 20}
SETTINGS: dict[str, dict[str, Any]] = {
    "email": {"sender": SENDER, "recipients": ["team@example.com"]},
    "slack": {"webhook": {"config": "slackWebhook"}},
    "sns": {},
}


@dataclass(frozen=True)
class Pairs:
    """Previews of a stack and of the bare program, in turns."""

    ours: Sequence[Operation]
    bare: Sequence[Operation]

    def times(self) -> Spread:
        return compare([one.seconds for one in self.ours], [one.seconds for one in self.bare])

    def processor(self) -> Spread:
        return compare([one.processor for one in self.ours], [one.processor for one in self.bare])

    @property
    def resources(self) -> int:
        return int(self.ours[0].result["same"])


def measure(options: RunOptions) -> Measurement:
    with LocalCloud.start() as cloud, LocalCloud.start() as other, SlackSink.start() as sink:
        for one in (cloud, other):
            one.verify_sender(SENDER)

        def deploy(item: tuple[str, str]) -> tuple[str, Program, Program | None]:
            name, config = item
            environments = [
                make_environment(options.folder / f"{who}-{name}", at) for who, at in (("ours", cloud), ("bare", other))
            ]
            program = _deploy(options, name, config, sink.url, environments[0])
            return name, program, _deploy_bare(options, program, environments[1]) if name in COMPARED else None

        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            deployed = list(pool.map(deploy, _stacks(options).items()))
        ours = {name: program for name, program, _ in deployed}
        bare = {name: program for name, _, program in deployed if program}
        pairs = {name: Pairs([], []) for name in COMPARED}
        ten: list[Operation] = []
        for _ in range(options.repetitions(ROUNDS)):
            for name, each in pairs.items():
                pairs[name] = Pairs([*each.ours, _preview(ours[name])], [*each.bare, _preview(bare[name])])
            ten.append(_preview(ours[TEN]))
    times = {name: _seconds(each.ours) for name, each in pairs.items()} | {TEN: _seconds(ten)}
    return Measurement(
        checks=[Check.of(f"preview without changes, {name}", each.times(), BOUND) for name, each in pairs.items()],
        shown={
            "each further notifier": f"{_slope(times, 'production', 'twenty')}: from 1 to 10 "
            f"{_slope(times, 'production', TEN)}, from 10 to 20 {_slope(times, TEN, 'twenty')}",
        },
        tables=[_table(pairs)],
        figures={
            "ten": [one.seconds for one in ten],
            **{
                name: {
                    "resources": each.resources,
                    "ours": [one.seconds for one in each.ours],
                    "bare": [one.seconds for one in each.bare],
                    "processor_ours": [one.processor for one in each.ours],
                    "processor_bare": [one.processor for one in each.bare],
                }
                for name, each in pairs.items()
            },
        },
    )


def _slope(times: Mapping[str, float], first: str, last: str) -> str:
    return f"{(times[last] - times[first]) / (NOTIFIERS[last] - NOTIFIERS[first]) * 1000:.0f} ms"


def _stacks(options: RunOptions) -> Mapping[str, str]:
    """Return the stacks' files."""
    files = {
        name: (options.project / "examples" / "stacks" / f"Pulumi.{name}.yaml").read_text("utf-8")
        for name in ("production", "print-color")
    }
    before, key, _ = files["production"].partition("  batchbell:notifiers:\n")
    return files | {name: f"{before}{key}{''.join(map(_notifier, range(NOTIFIERS[name])))}" for name in (TEN, "twenty")}


def _notifier(number: int) -> str:
    """Return the lines of a notifier in a stack's file: Slack, email and SNS in turns."""
    kind = list(SETTINGS)[number % len(SETTINGS)]
    return f"    - {json.dumps({'type': kind, 'name': f'{kind}-{number}', **SETTINGS[kind]})}\n"


def _deploy(options: RunOptions, name: str, config: str, webhook: str, environment: Mapping[str, str]) -> Program:
    folder = copy_project(options.project, config, options.folder / f"program-{name}", name)
    program = Program(folder, name, environment)
    program.run("up", {"slackWebhook": webhook})
    return program


def _deploy_bare(options: RunOptions, ours: Program, environment: Mapping[str, str]) -> Program:
    """Deploy a bare program with the resources of the other one, to another local AWS, since some names are fixed."""
    folder = write_bare_program(ours.run("export").result, options.folder / f"program-bare-{ours.stack}")
    program = Program(folder, ours.stack, environment)
    program.run("up")
    return program


def _preview(program: Program) -> Operation:
    done = program.run("preview")
    if set(done.result) - {"same"}:
        raise OperationFailed(f"the preview of {program.folder.name} shows changes: {done.result}")
    return done


def _table(pairs: Mapping[str, Pairs]) -> Table:
    return Table(
        "A preview without changes",
        ["stack", "resources", "time", "bare program", "× bare", "half of the pairs", "processor time × bare"],
        [
            [
                COMPARED[name],
                str(each.resources),
                f"{_seconds(each.ours):.1f} s",
                f"{_seconds(each.bare):.1f} s",
                f"{each.times().median:.2f}",
                f"{each.times().low:.2f} to {each.times().high:.2f}",
                f"{each.processor().median:.2f}",
            ]
            for name, each in pairs.items()
        ],
    )


def _seconds(previews: Sequence[Operation]) -> float:
    return median(one.seconds for one in previews)
