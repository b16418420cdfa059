"""Tickets as other versions of batchbell write them: before a deploy, or after a rollback."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.simulation import bodies

# `renamed`: what the code under test cannot read. A later version can.
VERSIONS = ("older", "newer", "higher", "renamed")


def write(version: str, body: str) -> str:
    """The ticket or dead letter that another version would have written in its place."""
    if version == "current" or "ticket" not in (fields := bodies.loads(body)):
        return body
    message = fields["message"]
    known = message.versions if isinstance(message, bodies.Fields) else {}
    if version not in known:
        known[version] = bodies.Fields(_message(version, message))
    fields = {**fields, "message": known[version]}
    match version:
        case "older":
            fields.pop("not_before", None)
        case "newer":
            fields["priority"] = {"level": 1}
        case "higher":
            fields["ticket"] = 7
            fields["channel"] = "en"
        case "renamed":
            fields["ticket"] = 9
    return bodies.dumps(fields)


def _message(version: str, message: Mapping[str, Any]) -> dict[str, Any]:
    """A message as another version writes it."""
    match version:
        case "older":
            return {name: value for name, value in message.items() if name not in ("jobs", "queue", "thread")}
        case "newer":
            return {**message, "colour": {"level": 1}}
        case "higher":
            return {**message, "language": "en"}
        case _:
            others = {name: value for name, value in message.items() if name != "title"}
            return {**others, "headline": message["title"]}


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
