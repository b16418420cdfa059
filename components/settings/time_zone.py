"""The time zone of the times in messages: a name in the IANA database, and the zone's rules.

The rules are put into the function's package (a few hundred bytes): Lambda's Amazon Linux may lack a time zone
database, and PyPI's `tzdata` has 600 files. They always come from the installed `tzdata`, never from the operating
system, so that every machine builds the same package.
"""

from __future__ import annotations

import base64
from functools import cache
from importlib.resources import files

from batchbell.wire import TimeZone

from .mistakes import got
from .time_zone_hint import hint_for_zone

UTC = "UTC"


def zone_problem(name: str) -> str | None:
    """Why `name` is not the name of a time zone, or None."""
    if name in _names():
        return None
    hint = hint_for_zone(name, _names())
    return f"{got(name)}; takes a name from the IANA time zone database, for example Europe/Berlin{hint}"


def time_zone_entry(name: str) -> TimeZone | None:
    """The entry in the function's manifest; None for UTC, which needs no rules."""
    if name == UTC:
        return None
    rules = files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
    return {"name": name, "data": base64.b64encode(rules).decode()}


@cache
def _names() -> frozenset[str]:
    return frozenset(files("tzdata").joinpath("zones").read_text("utf-8").split())
