"""Reads the fields of AWS's JSON: what is missing, or not of the documented type, is empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class InvalidEvent(ValueError):
    """Not an event of an AWS Batch job. The text says why, without values of the event."""


class JsonObject:
    """Reads optional fields of a JSON object. A field counts as absent if its type is not the documented one."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, Mapping):
            raise InvalidEvent(f"{where} is not a JSON object")
        self._value = value
        self._where = where

    def __bool__(self) -> bool:
        return bool(self._value)

    def text(self, key: str) -> str:
        return _text(self._value.get(key))

    def texts(self, key: str) -> list[str]:
        value = self._value.get(key)
        return [text for one in value if (text := _text(one))] if isinstance(value, list) else []

    def required(self, key: str) -> str:
        value = self.text(key)
        if not value:
            raise InvalidEvent(f"{self._where} has no {key}")
        return value

    def integer(self, key: str) -> int | None:
        value = self._value.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def integers(self) -> Mapping[str, int]:
        return {key: number for key in self._value if (number := self.integer(key)) is not None}

    def is_false(self, key: str) -> bool:
        return self._value.get(key) is False

    def objects(self, key: str) -> list[JsonObject]:
        value = self._value.get(key)
        return [JsonObject(one, key) for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []

    def object(self, key: str) -> JsonObject:
        value = self._value.get(key)
        return JsonObject(value if isinstance(value, Mapping) else {}, key)


def _text(value: Any) -> str:
    # A lone surrogate is legal in JSON, but neither DynamoDB nor any channel accepts it.
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""
