"""Reads what the engine passes to the component: names in camelCase, numbers as floats, marked secrets and unknowns.

pulumi.provider's own reader makes a whole list secret if something in it is. Here every other value stays plain, so
that the settings can be checked before anything is created.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.output import _OutputData
from pulumi.resource import DependencyResource
from pulumi.runtime import rpc

from . import schema
from .spelling import snake_case

_ANY: Mapping[str, Any] = {"type": "string"}


@dataclass(frozen=True)
class _Marks:
    """What is known of a value, and of everything in it."""

    is_secret: bool = False
    resources: frozenset[str] = frozenset()  # URNs of those that it comes from


def read_inputs(inputs: Mapping[str, Any], dependencies: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """Return the component's arguments: names in snake_case, whole numbers as ints, Outputs only where something asks.

    A value is an Output if it is secret or unknown, or if it comes from another resource where the schema allows that.
    A name that the schema lacks stays as it is.

    inputs: of the engine's request, as JSON
    dependencies: URNs of the resources that each input comes from
    """
    known, read = schema.inputs(), {}
    for name, value in inputs.items():
        if value is not None:
            marks = _Marks(resources=frozenset(dependencies.get(name, ())))
            read[_python_name(name, known)] = _read(value, known.get(name, _ANY), marks)
    if isinstance(notifiers := read.get("notifiers"), list):
        read["notifiers"] = [_entry(one) for one in notifiers]
    return read


def _entry(notifier: Any) -> Any:
    """The settings of a plug-in of somebody else stand beside the others."""
    if not (isinstance(notifier, dict) and isinstance(settings := notifier.get("settings"), dict)):
        return notifier
    return {**settings, **{name: value for name, value in notifier.items() if name != "settings"}}


def _python_name(name: str, known: Mapping[str, Any]) -> str:
    return snake_case(name) if name in known else name


def _read(value: Any, spec: Mapping[str, Any], marks: _Marks) -> Any:
    if isinstance(value, dict) and (mark := value.get(rpc._special_sig_key)):
        if mark == rpc._special_secret_sig:
            return _read(value.get("value"), spec, _Marks(True, marks.resources))
        if mark == rpc._special_output_value_sig:
            resources = marks.resources | set(value.get("dependencies", ()))
            inner = _Marks(marks.is_secret or value.get("secret") is True, resources)
            return _read(value.get("value", rpc.UNKNOWN), spec, inner)
    if value == rpc.UNKNOWN:
        return _output(None, marks, is_known=False)
    if isinstance(value, dict):
        names = schema.properties_of(spec)
        if names is None:
            of_each = spec.get("additionalProperties", _ANY)
            return {name: _read(one, of_each, marks) for name, one in value.items() if one is not None}
        return {
            _python_name(name, names): _read(one, names.get(name, _ANY), marks)
            for name, one in value.items()
            if one is not None
        }
    if isinstance(value, list):
        return [_read(one, spec.get("items", _ANY), marks) for one in value]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    # A known secret in the place of one is checked with the settings, and stored as a secret.
    is_secret = marks.is_secret and not spec.get("secret")
    return _output(value, marks) if is_secret or (marks.resources and not spec.get("plain")) else value


def _output(value: Any, marks: _Marks, *, is_known: bool = True) -> pulumi.Output[Any]:
    data: asyncio.Future[_OutputData[Any]] = asyncio.Future()
    resources: set[pulumi.Resource] = {DependencyResource(urn) for urn in marks.resources}
    data.set_result(_OutputData(resources=resources, value=value, is_known=is_known, is_secret=marks.is_secret))
    return pulumi.Output._from_data(data)
