"""Indexes of children as a short text: [0, 1, 2, 3, 17] is "0-3,17"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

_RANGE = re.compile(r"[0-9]{1,5}(-[0-9]{1,5})?")


def to_ranges(indexes: Iterable[int]) -> list[str]:
    """Return ascending ranges and single indexes, such as ["0-3", "17"]."""
    ordered = sorted(set(indexes))
    starts = [one for before, one in pairwise([-2, *ordered]) if one != before + 1]
    ends = [one for one, after in pairwise([*ordered, -2]) if after != one + 1]
    return [f"{first}" if first == last else f"{first}-{last}" for first, last in zip(starts, ends, strict=True)]


def parse_ranges(text: str, at_most: int = 100_000) -> Sequence[int]:
    """Return the indexes of a text such as "17,20-40" in its order.

    Raises ValueError if it is not such a text, names an index twice or more than `at_most`.
    """
    indexes: list[int] = []
    for part in text.split(","):
        part = part.strip()
        if not _RANGE.fullmatch(part):
            raise ValueError(f"{part!r} is neither an index nor a range")
        first, _, last = part.partition("-")
        found = range(int(first), int(last or first) + 1)
        if not found:
            raise ValueError(f"the range {part} ends before it begins")
        if len(indexes) + len(found) > at_most:
            raise ValueError(f"it names more than {at_most:,} indexes")
        indexes.extend(found)
    if len(indexes) != len(set(indexes)):
        raise ValueError("an index is named twice")
    return indexes
