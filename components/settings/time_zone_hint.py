"""What to write instead of a text that is not the name of a time zone.

A name is suggested only where it means the same: GMT+0 resembles GMT+8, and MST resembles PST.
"""

from __future__ import annotations

import re
from collections.abc import Set

from .mistakes import nearest

_OFFSET = re.compile(r"(?:UTC|GMT)? ?(?P<sign>[-+])?0?(?P<hours>[0-9]{1,2})(?::?(?P<minutes>[0-9]{2}))?", re.IGNORECASE)
_ABBREVIATION = re.compile(r"[A-Z]{1,5}")  # such as PST and BST


def hint_for_zone(name: str, names: Set[str]) -> str:
    """Return a hint that begins with "; ", or "". `names`: the time zones."""
    if offset := _OFFSET.fullmatch(name):
        return f"; {_hint_for_offset(offset, names)}"
    if zone := _same_place(name, names):
        return f"; did you mean {zone}?"
    if _ABBREVIATION.fullmatch(name):
        return "; an abbreviation may mean several zones: name a city"
    return ""


def _hint_for_offset(offset: re.Match[str], names: Set[str]) -> str:
    hint = "an offset has no summer time: name a city"
    hours = int(offset["hours"]) * (-1 if offset["sign"] == "-" else 1)
    zone = f"Etc/GMT{-hours:+d}" if hours else "UTC"  # with the sign of POSIX: Etc/GMT-8 is 8 hours ahead of UTC
    if int(offset["minutes"] or 0) or zone not in names:
        return hint
    return f"{hint}, or {zone} for UTC{hours:+d} all year"


def _same_place(name: str, names: Set[str]) -> str | None:
    """Return the zone that `name` misspells, or whose city it is."""
    area, _, city = name.lower().replace(" ", "_").rpartition("/")
    if city.upper() in names:  # UTC, CET
        return city.upper()
    everywhere = [zone for zone in names if zone.lower().rpartition("/")[2] == city]
    if len(everywhere) == 1:
        return everywhere[0]
    if _ABBREVIATION.fullmatch(name) or re.search("[0-9]", city):
        return None
    cities = {zone.rpartition("/")[2]: zone for zone in names if zone.lower().rpartition("/")[0] == area}
    close = nearest(city, sorted(cities))
    return cities[close] if close else None
