"""Measures a cold start, from the start of the process to one message on all three channels, against a bare handler."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from bench import function_package
from bench.batch_events import parent_event, sqs_records
from bench.canned_responses import SENDS
from bench.function_harness import CHANNELS, FunctionHarness, start_harness
from bench.function_process import ColdStart, FunctionProcess, start_cold
from bench.measurement import Check, Measurement, RunOptions, Table

TITLE = "Cold start"
ROUNDS = 21
ALL_CHANNELS, EMAIL_ONLY = 2.0, 1.5  # × the bare handler
MAIL, TOPIC = "ses:SendEmail", "sns:Publish"
SHOWN_PACKAGES = 10

_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+([\w.]+)")


def measure(options: RunOptions) -> Measurement:
    with start_harness(options) as harness:
        full = harness.unpack("full", *CHANNELS)
        email = harness.unpack("email-alone", "email")
        bare = function_package.unpack_bare(options.folder / "bare")
        before = function_package.digest(full)
        starts: dict[str, list[ColdStart]] = {"bare": [], "all": [], "email": []}
        for _ in range(options.repetitions(ROUNDS)):
            # In turns, so that other load on the machine affects all of them.
            starts["bare"].append(start_cold(harness.environment, bare, function_package.BARE_HANDLER, {}, [TOPIC]))
            starts["all"].append(_start(harness, full, SENDS))
            starts["email"].append(_start(harness, email, [MAIL]))
        profile = _profile(harness, full)
        if function_package.digest(full) != before:
            raise RuntimeError("the function wrote into its package, which is read-only on Lambda")
    delivered = {name: median(one.delivered for one in each) for name, each in starts.items()}
    ratios = {
        name: median(one.delivered / bare.delivered for one, bare in zip(starts[name], starts["bare"], strict=True))
        for name in ("all", "email")
    }
    ready = {name: median(one.ready for one in each) for name, each in starts.items()}
    rounds = len(starts["bare"])
    return Measurement(
        checks=[
            Check("cold start to a message on all three channels", ratios["all"], ALL_CHANNELS, "×"),
            Check("cold start to an email, email only", ratios["email"], EMAIL_ONLY, "×"),
        ],
        shown={
            "bare handler (boto3, one client, one call)": _milliseconds(delivered["bare"]),
            "all three channels": _milliseconds(delivered["all"]),
            "email only": _milliseconds(delivered["email"]),
            "init phase only: bare, all three, email": ", ".join(
                _milliseconds(ready[name]) for name in ("bare", "all", "email")
            ),
        },
        tables=[_timeline(starts["all"]), _imports(profile)],
        figures={"delivered": delivered, "ratios": ratios, "ready": ready, "profile": profile, "rounds": rounds},
    )


def _start(harness: FunctionHarness, task_root: Path, sends: Sequence[str]) -> ColdStart:
    return start_cold(
        harness.environment, task_root, function_package.HANDLER, sqs_records(parent_event("bench")), sends
    )


def _profile(harness: FunctionHarness, task_root: Path) -> Mapping[str, float]:
    with FunctionProcess(harness.environment, task_root, function_package.HANDLER, "-X", "importtime") as function:
        function.runtime.wait_until_ready()
    return by_package(function.log())


def by_package(profile: str) -> dict[str, float]:
    """Sum up, by top-level package, the milliseconds that its own imports took, the longest first.

    profile: what Python prints with -X importtime
    """
    spent: Counter[str] = Counter()
    for microseconds, module in _IMPORT.findall(profile):
        spent[module.partition(".")[0]] += int(microseconds)
    return {name: microseconds / 1000 for name, microseconds in spent.most_common()}


def _timeline(starts: Sequence[ColdStart]) -> Table:
    rows = [["the process asks for its first event", _milliseconds(median(one.ready for one in starts))]]
    names = {"slack": "Slack", MAIL: "email", TOPIC: "SNS"}
    arrived = {name: median(one.arrived[action] for one in starts) for action, name in names.items()}
    rows += [[f"{name} has its message", _milliseconds(at)] for name, at in sorted(arrived.items(), key=lambda x: x[1])]
    rows.append(["the function has answered", _milliseconds(median(one.answered for one in starts))])
    return Table("A cold start with all three channels", ["when", "after"], rows)


def _imports(profile: Mapping[str, float]) -> Table:
    total = sum(profile.values())
    rows = [[name, _milliseconds(spent / 1000)] for name, spent in list(profile.items())[:SHOWN_PACKAGES]]
    rest = total - sum(list(profile.values())[:SHOWN_PACKAGES])
    rows.append([f"{max(0, len(profile) - SHOWN_PACKAGES)} others", _milliseconds(rest / 1000)])
    return Table(
        "Imports in the init phase, by package (-X importtime, which itself costs time)", ["package", "own time"], rows
    )


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
