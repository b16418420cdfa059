"""Makes a failing plan smaller: fewer faults, fewer jobs, less time, while it still breaks the same promise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.simulation.plan import FAULTS, Plan
from tests.simulation.world import Result, simulate

LIMIT = 150  # runs


def shrink(result: Result, promise: str) -> Result:
    """Return the smallest run found that breaks the promise."""
    left = LIMIT
    while left:
        for plan in _smaller(result.plan):
            left -= 1
            tried = simulate(plan)
            if promise in tried.broken:
                result = tried
                break
            if not left:
                break
        else:
            break
    return result


def _smaller(plan: Plan) -> Iterator[Plan]:
    """The boldest steps first."""
    kinds = [kind for kind in FAULTS if kind in plan.faults]
    if len(kinds) > 3:
        half = len(kinds) // 2
        yield replace(plan, faults=frozenset(kinds[:half]))
        yield replace(plan, faults=frozenset(kinds[half:]))
    for jobs in sorted({1, plan.jobs // 2, plan.jobs - 1} & set(range(1, plan.jobs))):
        yield replace(plan, jobs=jobs)
    for kind in kinds:
        yield replace(plan, faults=plan.faults - {kind})
    for minutes in sorted({1, plan.minutes // 2} & set(range(1, plan.minutes))):
        yield replace(plan, minutes=minutes)
