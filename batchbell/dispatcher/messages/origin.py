"""Where the dispatcher runs, as far as messages tell of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo


@dataclass(frozen=True)
class Home:
    """`zone`: the time zone of the times that messages tell."""

    stack: str = ""
    function: str = ""
    zone: tzinfo = UTC
