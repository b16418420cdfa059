"""Converts property values between Pulumi's wire format (protobuf structs) and plain Python.

Plain values are dicts, lists, strings, booleans, None, and numbers, as integers if they are whole. Archives and assets
keep their wire form, dicts with a signature key, so that the table gets the same values with and without the engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import json_format, struct_pb2
from pulumi.runtime import rpc

from batchbell_local.pulumi.redaction import MASK

SIGNATURE: Final[str] = rpc._special_sig_key
ARCHIVE: Final[str] = rpc._special_archive_sig
ASSET: Final[str] = rpc._special_asset_sig
SECRET: Final[str] = rpc._special_secret_sig
RESOURCE: Final[str] = rpc._special_resource_sig
UNKNOWN: Final[str] = rpc.UNKNOWN

Inputs = Mapping[str, Any]
Outputs = dict[str, Any]


@dataclass(frozen=True)
class Properties:
    """Decoded properties: plain values, and the names of the top-level ones that contain a secret."""

    values: dict[str, Any]
    secret: frozenset[str]


def decode(struct: struct_pb2.Struct) -> Properties:
    """Decode the properties of a resource or function, without nulls, which the engine omits too."""
    raw = json_format.MessageToDict(struct)
    values = {name: plain(value) for name, value in raw.items()}
    return Properties(
        {name: value for name, value in values.items() if value is not None},
        frozenset(name for name, value in raw.items() if any(True for _ in _secrets(value))),
    )


def encode(values: Mapping[str, Any], secret: frozenset[str] = frozenset()) -> struct_pb2.Struct:
    """The reverse of decode; values whose names are in `secret` become secrets."""
    return json_format.ParseDict(
        {
            name: {SIGNATURE: SECRET, "value": value} if name in secret else value
            for name, value in values.items()
            if value is not None
        },
        struct_pb2.Struct(),
    )


def encode_as(
    values: Mapping[str, Any], given: struct_pb2.Struct, secret: frozenset[str] = frozenset()
) -> struct_pb2.Struct:
    """Encode, but return values that are equal to those in `given` as they are there, with secrets and references.

    Other values become secrets if `given` has a secret under that name, or if `secret` names them.
    """
    raw = json_format.MessageToDict(given)
    encoded = encode(values, secret | decode(given).secret)
    for name in values.keys() & raw.keys():
        if plain(raw[name]) == values[name] and name not in secret:
            encoded[name] = raw[name]
    return encoded


def plain(value: Any) -> Any:
    """The plain value: secrets unwrapped, resource references as id (or URN), whole floats as integers."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            return plain(value.get("value"))
        if value.get(SIGNATURE) == RESOURCE:
            return plain(value.get("id")) or value.get("urn")
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def is_known(value: Any) -> bool:
    """Whether a value is set and not unknown in a preview."""
    return value is not None and value != UNKNOWN


def masked(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Decode for display: every secret, however deep, becomes MASK."""
    result = _mask(json_format.MessageToDict(struct))
    assert isinstance(result, dict)
    return result


def secret_texts(struct: struct_pb2.Struct) -> Iterator[str]:
    """Every string inside the secrets of these properties."""
    for value in _secrets(json_format.MessageToDict(struct)):
        yield from _texts(plain(value))


def _mask(value: Any) -> Any:
    if isinstance(value, list):
        return [_mask(item) for item in value]
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            return MASK
        if value.get(SIGNATURE) == RESOURCE:
            return plain(value)
        return {key: _mask(item) for key, item in value.items()}
    return plain(value)


def _secrets(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _secrets(item)
    elif isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            yield value.get("value")
        else:
            for item in value.values():
                yield from _secrets(item)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
