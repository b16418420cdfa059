"""Measures a cold start, from the start of the process to the last channel's message, against functions by hand.

Those do what batchbell does in the same calls, and nothing else (bench/by_hand): the least that anybody could write.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import function_package
from bench.batch_events import parent_event, sqs_records
from bench.canned_responses import SENDS
from bench.function_harness import CHANNELS, FunctionHarness, start_harness
from bench.function_process import ColdStart, FunctionProcess, start_cold
from bench.measurement import Check, Measurement, RunOptions, Table
from bench.processor_share import MB_OF_A_PROCESSOR, ProcessorShare, ShareUnavailable
from bench.runtime_endpoint import FunctionFailed
from bench.spread import Spread, compare

TITLE = "Cold start"
ROUNDS = 15
BOUND = 1.08  # × the function by hand
SIZES = (256, 512, 1024)  # MB, each with its share of a processor from the first event on
ROUNDS_OF_A_SIZE = 3
MAIL, TOPIC = "ses:SendEmail", "sns:Publish"
SHOWN_PACKAGES = 10

_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+([\w.]+)")


@dataclass(frozen=True)
class Pairs:
    """Cold starts of batchbell and of the function by hand, in turns."""

    ours: Sequence[ColdStart]
    by_hand: Sequence[ColdStart]

    def times(self) -> Spread:
        return compare([one.delivered for one in self.ours], [one.delivered for one in self.by_hand])

    def processor(self) -> Spread:
        return compare([one.processor for one in self.ours], [one.processor for one in self.by_hand])


@dataclass(frozen=True)
class Contest:
    """Two packages that send the same: batchbell's and one by hand. `script`: the name in bench/by_hand."""

    harness: FunctionHarness
    ours: Path
    by_hand: Path
    script: str
    sends: Sequence[str]

    @classmethod
    def prepare(cls, harness: FunctionHarness, script: str, types: Sequence[str], sends: Sequence[str]) -> Contest:
        by_hand = function_package.unpack_by_hand(
            script, harness.options.folder / script, harness.bundle(*types), harness.endpoint.ca_bundle
        )
        return cls(harness, harness.unpack(f"batchbell-{script}", *types), by_hand, script, sends)

    def run(self, rounds: int, size: int = 0) -> Pairs:
        """Start both, one after the other, so many times. Raises FunctionFailed, also if their calls differ.

        size: MB, for the share of a processor from the first event on; 0: a whole one
        """
        pairs = Pairs([], [])
        with ExitStack() as stack:
            share = stack.enter_context(ProcessorShare(size / MB_OF_A_PROCESSOR)) if size else None
            for _ in range(rounds):
                ours = self._start(self.ours, function_package.HANDLER, share)
                by_hand = self._start(self.by_hand, f"{self.script}.handler", share)
                if ours.calls != by_hand.calls:
                    raise FunctionFailed(f"batchbell calls {ours.calls}, the function by hand {by_hand.calls}")
                pairs = Pairs([*pairs.ours, ours], [*pairs.by_hand, by_hand])
        return pairs

    def _start(self, task_root: Path, handler: str, share: ProcessorShare | None) -> ColdStart:
        event = sqs_records(parent_event("bench"))
        return start_cold(self.harness.environment, task_root, handler, event, self.sends, share)


def measure(options: RunOptions) -> Measurement:
    with start_harness(options) as harness:
        all_channels = Contest.prepare(harness, "three_channels", CHANNELS, SENDS)
        email = Contest.prepare(harness, "email_alone", ["email"], [MAIL])
        before = function_package.digest(all_channels.ours)
        rounds = options.repetitions(ROUNDS)
        three, one = all_channels.run(rounds), email.run(rounds)
        try:
            rounds = options.repetitions(ROUNDS_OF_A_SIZE)
            by_size, unavailable = {size: all_channels.run(rounds, size) for size in SIZES}, ""
        except ShareUnavailable as reason:
            by_size, unavailable = {}, f"not measured: {reason}"
        profiles = [
            _profile(harness, all_channels.ours, function_package.HANDLER),
            _profile(harness, all_channels.by_hand, f"{all_channels.script}.handler"),
        ]
        if function_package.digest(all_channels.ours) != before:
            raise RuntimeError("the function wrote into its package, which is read-only on Lambda")
    return Measurement(
        checks=[
            Check.of("cold start to a message on all three channels, time", three.times(), BOUND),
            Check.of("cold start to an email, email only, time", one.times(), BOUND),
            Check.of("cold start, all three channels, processor time", three.processor(), BOUND),
            Check.of("cold start, email only, processor time", one.processor(), BOUND),
        ],
        shown={
            "all three channels": _medians(three),
            "email only": _medians(one),
            **({"by share of a processor": unavailable} if unavailable else {}),
        },
        tables=[
            *([_sizes(by_size)] if by_size else []),
            _timeline(three.ours),
            _imports(profiles),
        ],
        figures={
            "all": _figures(three),
            "email": _figures(one),
            "sizes": {str(size): _figures(pairs) for size, pairs in by_size.items()},
            "profile": profiles[0],
            "profile_by_hand": profiles[1],
        },
    )


def _profile(harness: FunctionHarness, task_root: Path, handler: str) -> Mapping[str, float]:
    with FunctionProcess(harness.environment, task_root, handler, "-X", "importtime") as function:
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


def _medians(pairs: Pairs) -> str:
    def times(starts: Sequence[ColdStart]) -> str:
        delivered = _milliseconds([one.delivered for one in starts])
        return f"{delivered}, of which {_milliseconds([one.ready for one in starts])} until it asks for an event"

    return f"{times(pairs.ours)}; by hand {times(pairs.by_hand)}"


def _sizes(by_size: Mapping[int, Pairs]) -> Table:
    rows = []
    for size, pairs in by_size.items():
        row = [str(size), f"1/{MB_OF_A_PROCESSOR / size:.1f}"]
        for starts in (pairs.ours, pairs.by_hand):
            row.append(_milliseconds([one.ready for one in starts]))
            row.append(_milliseconds([one.delivered - one.ready for one in starts]))
            row.append(_milliseconds([one.processor for one in starts]))
        rows.append([*row, f"{pairs.times().median:.2f}", f"{pairs.processor().median:.2f}"])
    columns = ["MB", "of a processor"]
    for who in ("", "by hand: "):
        columns += [f"{who}init phase", f"{who}event to the last message", f"{who}processor time"]
    return Table(
        "All three channels by memory size; the init phase has a whole processor, as on Lambda",
        [*columns, "× by hand", "processor × by hand"],
        rows,
    )


def _timeline(starts: Sequence[ColdStart]) -> Table:
    rows = [["the process asks for its first event", _milliseconds([one.ready for one in starts])]]
    names = {"slack": "Slack", MAIL: "email", TOPIC: "SNS"}
    arrived = {name: [one.arrived[action] for one in starts] for action, name in names.items()}
    in_order = sorted(arrived.items(), key=lambda item: median(item[1]))
    rows += [[f"{name} has its message", _milliseconds(times)] for name, times in in_order]
    rows.append(["the function has answered", _milliseconds([one.answered for one in starts])])
    return Table("A cold start with all three channels", ["when", "after"], rows)


def _imports(profiles: Sequence[Mapping[str, float]]) -> Table:
    """The packages whose imports take longest in batchbell's function, beside those of the one by hand."""
    ours, by_hand = profiles
    rows = [[name, *(f"{each.get(name, 0):.0f} ms" for each in profiles)] for name in list(ours)[:SHOWN_PACKAGES]]
    shown = {name for name, *_ in rows}
    rows.append(
        [
            "others",
            *(f"{sum(took for name, took in each.items() if name not in shown):.0f} ms" for each in (ours, by_hand)),
        ]
    )
    return Table(
        "Imports in the init phase, by package (-X importtime, which itself costs time)",
        ["package", "own time", "by hand"],
        rows,
    )


def _figures(pairs: Pairs) -> Mapping[str, Sequence[float]]:
    return {
        f"{name}_{who}": [getattr(one, name) for one in starts]
        for who, starts in (("ours", pairs.ours), ("by_hand", pairs.by_hand))
        for name in ("ready", "delivered", "processor")
    }


def _milliseconds(times: Sequence[float]) -> str:
    """Format the median."""
    return f"{median(times) * 1000:.0f} ms"
