"""From the start of a fresh process to one message on all three channels, beside the least that a function can be."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from bench import package
from bench.answers import SENDS
from bench.finding import Check, Finding, Order, Table
from bench.function_process import ColdStart, FunctionProcess, start_cold
from bench.jobs import as_records, finish_array
from bench.rig import CHANNELS, Rig, set_up

TITLE = "Cold start"
ROUNDS = 21
ALL_CHANNELS, EMAIL_ALONE = 2.0, 1.5  # × the bare handler
MAIL, TOPIC = "ses:SendEmail", "sns:Publish"
SHOWN_PACKAGES = 10

_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+([\w.]+)")


def measure(order: Order) -> Finding:
    with set_up(order) as rig:
        full = rig.unpack("full", *CHANNELS)
        email = rig.unpack("email-alone", "email")
        bare = package.unpack_bare(order.folder / "bare")
        before = package.digest(full)
        starts: dict[str, list[ColdStart]] = {"bare": [], "all": [], "email": []}
        for _ in range(order.times(ROUNDS)):
            # In turns, so that whatever else the machine does falls on all of them.
            starts["bare"].append(start_cold(rig.place, bare, package.BARE_HANDLER, {}, [TOPIC]))
            starts["all"].append(_start(rig, full, SENDS))
            starts["email"].append(_start(rig, email, [MAIL]))
        profile = _profile(rig, full)
        if package.digest(full) != before:
            raise RuntimeError("the function wrote into its package, which Lambda would not let it")
    told = {name: median(one.told for one in each) for name, each in starts.items()}
    ratios = {
        name: median(one.told / bare.told for one, bare in zip(starts[name], starts["bare"], strict=True))
        for name in ("all", "email")
    }
    ready = {name: median(one.ready for one in each) for name, each in starts.items()}
    return Finding(
        checks=[
            Check("cold start to a message on all three channels", ratios["all"], ALL_CHANNELS, "×"),
            Check("cold start to a mail, email alone", ratios["email"], EMAIL_ALONE, "×"),
        ],
        shown={
            "bare handler (boto3, one client, one call)": _milliseconds(told["bare"]),
            "all three channels": _milliseconds(told["all"]),
            "email alone": _milliseconds(told["email"]),
            "init alone: bare, all three, email": ", ".join(
                _milliseconds(ready[name]) for name in ("bare", "all", "email")
            ),
        },
        tables=[_when(starts["all"]), _where(profile)],
        figures={"told": told, "ratios": ratios, "ready": ready, "profile": profile, "rounds": len(starts["bare"])},
    )


def _start(rig: Rig, task_root: Path, sends: Sequence[str]) -> ColdStart:
    return start_cold(rig.place, task_root, package.HANDLER, as_records(finish_array("bench")), sends)


def _profile(rig: Rig, task_root: Path) -> Mapping[str, float]:
    with FunctionProcess(rig.place, task_root, package.HANDLER, "-X", "importtime") as function:
        function.runtime.wait_until_ready()
    return by_package(function.log())


def by_package(profile: str) -> dict[str, float]:
    """Milliseconds that each top-level package took by itself to import, the longest first; `profile` is what Python
    prints with -X importtime."""
    spent: Counter[str] = Counter()
    for microseconds, module in _IMPORT.findall(profile):
        spent[module.partition(".")[0]] += int(microseconds)
    return {name: microseconds / 1000 for name, microseconds in spent.most_common()}


def _when(starts: Sequence[ColdStart]) -> Table:
    rows = [["the process asks for its first event", _milliseconds(median(one.ready for one in starts))]]
    names = {"slack": "Slack", MAIL: "email", TOPIC: "SNS"}
    arrived = {name: median(one.arrived[action] for one in starts) for action, name in names.items()}
    rows += [[f"{name} has its message", _milliseconds(at)] for name, at in sorted(arrived.items(), key=lambda x: x[1])]
    rows.append(["the function has answered", _milliseconds(median(one.answered for one in starts))])
    return Table("A cold start with all three channels", ["when", "after"], rows)


def _where(profile: Mapping[str, float]) -> Table:
    total = sum(profile.values())
    rows = [[name, _milliseconds(spent / 1000)] for name, spent in list(profile.items())[:SHOWN_PACKAGES]]
    rest = total - sum(list(profile.values())[:SHOWN_PACKAGES])
    rows.append([f"{max(0, len(profile) - SHOWN_PACKAGES)} others", _milliseconds(rest / 1000)])
    return Table(
        "Imports of the init, by package (-X importtime, which itself costs time)", ["package", "own time"], rows
    )


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
