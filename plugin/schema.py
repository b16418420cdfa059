"""The schema that the engine and the generated SDKs know: schema.json, which `make docs` writes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from .spelling import snake_case

COMPONENT = "batchbell:index:ArrayJobNotifier"


@cache
def schema_text() -> str:
    return Path(__file__).with_name("schema.json").read_text("utf-8")


@cache
def _schema() -> Mapping[str, Any]:
    return json.loads(schema_text())  # type: ignore[no-any-return]


def inputs() -> Mapping[str, Any]:
    """The type of each input, by its name in camelCase."""
    return _schema()["resources"][COMPONENT]["inputProperties"]  # type: ignore[no-any-return]


def properties_of(spec: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The types of what an object has, or None if `spec` is not the type of an object with certain names."""
    written = _schema()["types"].get(spec.get("$ref", "").removeprefix("#/types/"))
    return written and written["properties"]  # type: ignore[no-any-return]


@cache
def setting_names() -> frozenset[str]:
    """All names of settings, in snake_case."""
    return frozenset(_names())


def _names() -> Iterator[str]:
    for properties in (inputs(), *(written["properties"] for written in _schema()["types"].values())):
        yield from map(snake_case, properties)
