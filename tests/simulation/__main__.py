"""Runs the real dispatcher in a simulated world, many times, and shows each promise that it breaks.

python -m tests.simulation --seeds 10000 --jobs 30 [--first-seed N]
python -m tests.simulation --seed N [--faults a,b | --without a,b] [--minutes N] [--trace]
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence

from tests.simulation.chunks import begin, simulate_all
from tests.simulation.plan import FAULTS, Plan
from tests.simulation.shrink import shrink
from tests.simulation.world import Result, simulate

CHUNK = 20  # seeds at a time for a process
SHOWN = 3  # failing seeds of a promise that are shown


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    kinds = _kinds(options.faults, options.without)
    if options.seed is not None:
        return _one(Plan.of(options.seed, options.jobs, options.minutes, kinds), options.trace)
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    plans = [Plan.of(seed, options.jobs, options.minutes, kinds) for seed in seeds]
    if options.without:
        without = set(options.without.split(","))
        plans = [Plan.of(plan.seed, plan.jobs, options.minutes, sorted(plan.faults - without)) for plan in plans]
    return _many(plans, options.processes)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation",
        description="Run the dispatcher in a simulated world, and show each promise that it breaks.",
        epilog="Kinds of faults:\n" + "\n".join(f"  {kind:20} {what}" for kind, what in FAULTS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=1_000, help="how many seeds")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seed", type=int, help="only this one; print what it breaks")
    parser.add_argument("--trace", action="store_true", help="with --seed: print the course of events")
    parser.add_argument("--jobs", type=int, default=30, help="jobs a seed")
    parser.add_argument("--minutes", type=int, help="how long faults last; by default the seed chooses")
    parser.add_argument("--faults", help="kinds of faults, with commas between, or none; by default the seed chooses")
    parser.add_argument("--without", default="", help="kinds of faults that no seed has")
    parser.add_argument("--processes", type=int, default=2)
    return parser


def _kinds(chosen: str | None, without: str) -> list[str] | None:
    names = [*([] if chosen in (None, "none") else str(chosen).split(",")), *filter(None, without.split(","))]
    if wrong := [name for name in names if name not in FAULTS]:
        sys.exit(f"no such kind of fault: {', '.join(wrong)}; there are {', '.join(FAULTS)}")
    return None if chosen is None else [name for name in names if name not in without.split(",")]


def _one(plan: Plan, tracing: bool) -> int:
    result = simulate(plan, tracing)
    print(*result.trace, sep="\n", end="\n" if result.trace else "")
    print(f"seed {plan.seed}: {plan.jobs} jobs, {plan.minutes} minutes, {', '.join(sorted(plan.faults))}")
    print(f"fingerprint {result.fingerprint & (2**64 - 1):016x}")
    for promise, what in result.broken.items():
        print(f"BROKEN {promise}: {what}")
    return 1 if result.broken else 0


def _many(plans: Sequence[Plan], processes: int) -> int:
    began = time.monotonic()
    failing: list[Result] = []
    counts: Counter[str] = Counter()
    for number, result in enumerate(_results(plans, processes), 1):
        counts += result.counts
        if result.broken:
            failing.append(result)
        if number % 500 == 0:
            print(f"{number} seeds, {len(failing)} of them break a promise", file=sys.stderr)
    seconds = time.monotonic() - began
    broken = Counter(promise for result in failing for promise in result.broken)
    for promise, number in broken.most_common():
        print(f"{number:6} seeds: {promise}")
        examples = [result for result in failing if promise in result.broken][:SHOWN]
        shrunk = [shrink(one, promise) for one in examples]
        smallest = min(shrunk, key=lambda one: (len(one.plan.faults), one.plan.jobs))
        print(f"        {smallest.broken[promise][:200]}\n        {smallest.plan.command()}")
    print(", ".join(f"{number:,} {what}" for what, number in sorted(counts.items())))
    print(
        f"{len(plans)} seeds in {seconds:.0f} s, {len(plans) / seconds:.1f} a second: "
        f"{len(failing)} break a promise, {len(broken)} kinds of promises broken"
    )
    return 1 if failing else 0


def _results(plans: Sequence[Plan], processes: int) -> Iterator[Result]:
    if processes == 1:
        yield from map(simulate, plans)
        return
    chunks = [plans[start : start + CHUNK] for start in range(0, len(plans), CHUNK)]
    with multiprocessing.get_context("spawn").Pool(processes, begin) as pool:
        for results in pool.imap(simulate_all, chunks):
            yield from results


if __name__ == "__main__":
    sys.exit(main())
