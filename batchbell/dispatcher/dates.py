"""Converts AWS's times, and formats times and durations for people."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo


def from_milliseconds(milliseconds: int | None) -> datetime | None:
    """An aware datetime from milliseconds since 1970; None for None, 0 and values beyond the calendar."""
    if not milliseconds:
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def parse_iso(text: str) -> datetime | None:
    """An aware datetime in UTC; None if `text` is not ISO 8601 or has no zone."""
    try:
        parsed = datetime.fromisoformat(text)
        return parsed.astimezone(UTC) if parsed.tzinfo else None
    except (ValueError, OverflowError):
        return None


def format_time(moment: datetime, zone: tzinfo) -> str:
    """ "2025-11-20 04:12:45 CET", or with the offset, "UTC-03", if the zone has no abbreviation."""
    try:
        there = moment.astimezone(zone)
    except OverflowError:  # the first or the last day of the calendar
        there = moment
    name = there.tzname() or ""
    return f"{there:%Y-%m-%d %H:%M:%S} {name if name.isalpha() else f'UTC{name}'}"


def format_duration(seconds: float) -> str:
    """The two largest units: 47 s, 12 min 44 s, 3 h, 2 d 5 h."""
    whole = int(seconds)
    days, hours, minutes = whole // 86_400, whole // 3_600 % 24, whole // 60 % 60
    numbers = [(days, "d"), (hours, "h"), (minutes, "min"), (whole % 60, "s")]
    first = next((place for place, (number, _) in enumerate(numbers) if number), None)
    if first is None:
        return "under 1 s"
    return " ".join(f"{number} {unit}" for number, unit in numbers[first : first + 2] if number)
