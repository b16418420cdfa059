"""Tickets as other versions of batchbell write them: before a deploy, or after a rollback."""

from __future__ import annotations

import json
from typing import Any

# `renamed`: what the code under test cannot read. A later version can.
VERSIONS = ("older", "newer", "higher", "renamed")


def write(version: str, body: str) -> str:
    """The ticket or dead letter that another version would have written in its place."""
    if version == "current" or "ticket" not in (fields := json.loads(body)):
        return body
    message = fields["message"]
    match version:
        case "older":
            fields.pop("not_before", None)
            for name in ("jobs", "queue", "thread"):
                message.pop(name, None)
        case "newer":
            fields["priority"] = message["colour"] = {"level": 1}
        case "higher":
            fields["ticket"] = 7
            fields["channel"] = message["language"] = "en"
        case "renamed":
            fields["ticket"] = 9
            message["headline"] = message.pop("title")
    return json.dumps(fields)


def read(body: str) -> str:
    """What a later version makes of any ticket, wherever it is in the body."""
    try:
        return json.dumps(_read(json.loads(body))) if "headline" in body else body
    except ValueError:
        return body


def _read(value: Any) -> Any:
    if isinstance(value, str) and '"headline"' in value:  # a whole body, kept as a text
        return read(value)
    if isinstance(value, list):
        return [_read(one) for one in value]
    if not isinstance(value, dict):
        return value
    known = {name: _read(one) for name, one in value.items()}
    if "headline" in known:
        known["title"] = known.pop("headline")
    return known | ({"ticket": 1} if known.get("ticket") == 9 else {})
