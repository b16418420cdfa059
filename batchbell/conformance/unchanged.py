"""Finds what a notifier has changed in a message, which all notifiers share."""

from __future__ import annotations

import dataclasses
from typing import Any


def find_change(before: Any, after: Any, name: str = "message") -> str | None:
    """Return the first difference, such as "message.facts[0].value"; None if nothing has changed.

    A frozen dataclass compares its fields only: this compares types and all attributes, at any depth.
    """
    if type(before) is not type(after):
        return name
    if dataclasses.is_dataclass(before):
        if vars(before).keys() != vars(after).keys():
            return f"{name}.{min(vars(before).keys() ^ vars(after).keys())}"
        pairs = [(f"{name}.{field}", value, vars(after)[field]) for field, value in vars(before).items()]
    elif isinstance(before, tuple):
        if len(before) != len(after):
            return name
        pairs = [(f"{name}[{number}]", *pair) for number, pair in enumerate(zip(before, after, strict=True))]
    else:
        return None if before == after else name
    return next((change for field, old, new in pairs if (change := find_change(old, new, field))), None)
