"""Where the dispatcher runs, as far as messages tell of it, and the time zone of the times that they tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo


@dataclass(frozen=True)
class Home:
    stack: str = ""
    function: str = ""
    zone: tzinfo = UTC

    def show(self, moment: datetime) -> str:
        """Such as "2025-11-20 04:12:45 CET": the moment (an aware datetime) in the stack's time zone."""
        return show(moment, self.zone)


def show(moment: datetime, zone: tzinfo) -> str:
    """Such as "2025-11-20 04:12:45 CET". A zone without an abbreviation of its own is told by its offset: "UTC-03"."""
    there = moment.astimezone(zone)
    name = there.tzname() or ""
    return f"{there:%Y-%m-%d %H:%M:%S} {name if name.isalpha() else f'UTC{name}'}"
