"""Moments and durations, from how AWS gives them to how people read them."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo


def moment(milliseconds: int | None) -> datetime | None:
    """Milliseconds since 1970 as an aware datetime; None for none, 0 and what lies beyond any calendar."""
    if not milliseconds:
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def read_time(text: str) -> datetime | None:
    """ISO 8601 as an aware datetime in UTC; None for what is none, or names no zone."""
    try:
        parsed = datetime.fromisoformat(text)
        return parsed.astimezone(UTC) if parsed.tzinfo else None
    except (ValueError, OverflowError):
        return None


def show(moment: datetime, zone: tzinfo) -> str:
    """Such as "2025-11-20 04:12:45 CET". A zone without an abbreviation is told by its offset: "UTC-03"."""
    try:
        there = moment.astimezone(zone)
    except OverflowError:  # the first or the last day of the calendar
        there = moment
    name = there.tzname() or ""
    return f"{there:%Y-%m-%d %H:%M:%S} {name if name.isalpha() else f'UTC{name}'}"


def humanise(seconds: float) -> str:
    """The two largest units: 47 s, 12 min 44 s, 3 h, 2 d 5 h."""
    whole = int(seconds)
    days, hours, minutes = whole // 86_400, whole // 3_600 % 24, whole // 60 % 60
    numbers = [(days, "d"), (hours, "h"), (minutes, "min"), (whole % 60, "s")]
    first = next((place for place, (number, _) in enumerate(numbers) if number), None)
    if first is None:
        return "under 1 s"
    return " ".join(f"{number} {unit}" for number, unit in numbers[first : first + 2] if number)
