"""Simulates several plans in a process of a pool, which cannot import `__main__`."""

from __future__ import annotations

import gc
from collections.abc import Sequence

from tests.simulation.plan import Plan
from tests.simulation.world import Result, simulate


def begin() -> None:
    """Let the collector run between chunks alone, and leave the modules out."""
    gc.disable()
    gc.freeze()


def simulate_all(plans: Sequence[Plan]) -> Sequence[Result]:
    results = [simulate(plan) for plan in plans]
    gc.collect(0)  # what is new since the last time; what is remembered for further runs is older
    return results
