"""Pages of a growing list. A token names the last entry of its page, so new entries never shift the next page."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable

from .operation import ClientException, Json


def take_page(
    entries: Iterable[tuple[int, Callable[[], Json]]], payload: Json, *, at_most: int
) -> tuple[list[Json], str | None]:
    """Return one page of items, and the token of the next page (None on the last page).

    entries: position and factory of each item, by ascending position.
    payload: the request, with `maxResults` and `nextToken`.
    at_most: the largest page size; a larger `maxResults` is reduced to it.

    Raises ClientException for a page size below 1 or an invalid token.
    """
    size = payload.get("maxResults", at_most)
    if not isinstance(size, int) or size < 1:
        raise ClientException(f"maxResults must be at least 1, got {size!r}")
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
    raise ClientException("nextToken is not valid")
