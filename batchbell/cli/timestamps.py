"""Formats timestamps (epoch seconds) for people and for JSON."""

from __future__ import annotations

from datetime import UTC, datetime

LATEST = 253_402_300_799  # the last second of the year 9999, after which datetime has no dates


def iso(timestamp: float | None) -> str | None:
    """Return ISO 8601 in UTC."""
    return None if timestamp is None else _date(timestamp).isoformat(timespec="seconds")


def minute(timestamp: float) -> str:
    """Return the date and time to the minute, in UTC."""
    return f"{_date(timestamp):%Y-%m-%d %H:%M} UTC"


def ago(timestamp: float, now: float) -> str:
    """Return a text such as "3 min ago", in the largest unit that fits."""
    seconds = max(0, int(now - timestamp))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def _date(timestamp: float) -> datetime:
    return datetime.fromtimestamp(min(max(timestamp, 0.0), LATEST), UTC)
