"""Pages of a growing list: a token names the last entry that was given out, so that new entries never shift a page."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable

from .wire import Json, Refused


def take_page(
    entries: Iterable[tuple[int, Callable[[], Json]]], payload: Json, *, at_most: int
) -> tuple[list[Json], str | None]:
    """One page of `entries` (position, maker of the item), which come in ascending position.

    Reads `maxResults` (1 to `at_most`; more is cut to it) and `nextToken` of the request. Returns the items and the
    token of the next page (None on the last). Raises Refused for a page size below 1 or a token that is not ours.
    """
    size = payload.get("maxResults", at_most)
    if not isinstance(size, int) or size < 1:
        raise Refused(f"maxResults must be at least 1, got {size!r}")
    size = min(size, at_most)
    token = payload.get("nextToken")
    after = _position(token) if token else None
    items: list[Json] = []
    last = 0
    for position, make in entries:
        if after is not None and position <= after:
            continue
        if len(items) == size:
            return items, base64.urlsafe_b64encode(f"after:{last}".encode()).decode()
        items.append(make())
        last = position
    return items, None


def _position(token: str) -> int:
    try:
        word, _, position = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
        if word == "after":
            return int(position)
    except (ValueError, binascii.Error):
        pass
    raise Refused("nextToken is not valid")
