"""The time zone that messages tell times in: a name of the IANA database, and the rules behind it.

The function gets the rules with its package (a few hundred bytes), not a database: what Lambda's Amazon Linux has of
one is not ours to rely on, and all of PyPI's `tzdata` would be 600 files for one of them. So that each machine makes
the same package, they come from that distribution here, and never from this system.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from .mistakes import got, suggest

UTC = "UTC"


def zone_problem(name: str) -> str | None:
    """What is wrong with the name of a time zone, or None."""
    if name in _names():
        return None
    hint = suggest(name, _names())
    hint = hint if hint.startswith("; did you mean") else ""
    return f"{got(name)}; takes a name of the IANA time zone database, for example Europe/Berlin{hint}"


def time_zone_entry(name: str) -> Mapping[str, str] | None:
    """What the function's manifest says of it; None for UTC, which needs no rules."""
    if name == UTC:
        return None
    rules = files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
    return {"name": name, "data": base64.b64encode(rules).decode()}


@cache
def _names() -> frozenset[str]:
    return frozenset(files("tzdata").joinpath("zones").read_text("utf-8").split())
