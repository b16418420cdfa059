"""The stack and function that messages name as their origin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo


@dataclass(frozen=True)
class Origin:
    """`zone`: messages show times in it."""

    stack: str = ""
    function: str = ""
    zone: tzinfo = UTC
