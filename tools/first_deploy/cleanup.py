"""Removes what the run made, in reverse order: once, whether the run succeeds, fails or is interrupted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


class Cleanup:
    """What is left to remove. Each removal may run although its resource was never made."""

    def __init__(self) -> None:
        self._removals: list[tuple[str, Callable[[], None]]] = []

    def add(self, what: str, remove: Callable[[], None]) -> None:
        """Add a removal, before its resource is made: it must not matter where an interruption comes."""
        self._removals.append((what, remove))

    def __bool__(self) -> bool:
        return bool(self._removals)

    def run(self) -> list[dict[str, Any]]:
        """Remove all. A removal that fails is reported, and does not keep others from running."""
        done = []
        while self._removals:
            what, remove = self._removals.pop()
            started, outcome = time.monotonic(), "ok"
            try:
                remove()
            except Exception as error:
                outcome = f"failed: {error}"
            done.append({"removed": what, "outcome": outcome, "seconds": round(time.monotonic() - started, 1)})
        return done
