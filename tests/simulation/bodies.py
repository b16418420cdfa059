"""JSON of tickets and their messages, remembered: writing and reading it anew took a fifth of a run.

A message is the same in many tickets and many runs, and nobody changes what was read of a body.
"""

from __future__ import annotations

import json
import math
from json.encoder import encode_basestring_ascii
from typing import Any

from batchbell.contract import Message


class Fields(dict[str, Any]):
    """A message as plain JSON types, and what was made of it.

    text: its JSON.
    read: what reading its JSON gives.
    message: the message that was made of it.
    versions: the same as other versions of batchbell write it, by their names.
    """

    __slots__ = ("message", "read", "text", "versions")

    def __init__(self, fields: dict[str, Any]) -> None:
        super().__init__(fields)
        self.text: str | None = None
        self.read: Fields | None = None
        self.message: Message | None = None
        self.versions: dict[str, Fields] = {}

    def to_json(self) -> str:
        if self.text is None:
            self.text = json.dumps(self)
        return self.text

    def from_json(self) -> Fields:
        """Read the JSON."""
        if self.read is None:
            self.read = Fields(json.loads(self.to_json()))
            self.read.text = self.text
        return self.read


_read: dict[str, dict[str, Any]] = {}  # the bodies of this run


def forget() -> None:
    """Forget the bodies of a run that has ended."""
    _read.clear()


def dumps(value: Any) -> str:
    """Write it as `json.dumps` does."""
    if type(value) is Fields:
        return value.to_json()
    message = value.get("message") if type(value) is dict else None
    if type(message) is not Fields:
        return json.dumps(value)
    body = f"{{{', '.join([f'{encode_basestring_ascii(name)}: {_text(part)}' for name, part in value.items()])}}}"
    _read[body] = {**value, "message": message.from_json()}  # the others are plain texts, numbers and truths
    return body


def _text(value: Any) -> str:
    """Return the JSON of a part of a body, for most of them in a third of the time."""
    kind = type(value)
    if kind is str:
        return encode_basestring_ascii(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is int or (kind is float and math.isfinite(value)):
        return repr(value)
    return dumps(value)


def loads(text: str) -> Any:
    """Read it as `json.loads` does. An object that was read before is the same one."""
    found = _read.get(text)
    if found is None:
        found = json.loads(text)
        if type(found) is dict:
            _read[text] = found
    return found
