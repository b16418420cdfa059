"""The schedule's record: a look at the jobs that run. {"sweep": VERSION}, and nothing else counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batchbell.wire import SWEEP


class InvalidSweep(ValueError):
    """The body has the key "sweep" and no version under it."""


@dataclass(frozen=True)
class Sweep:
    """`version`: of the record. A newer one asks for a sweep, too."""

    version: int

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Sweep:
        """Raises InvalidSweep."""
        version = body[SWEEP]
        if isinstance(version, bool) or not isinstance(version, int) or version < 1:
            raise InvalidSweep("not a sweep: its version is not a number from 1 on")
        return cls(version)
