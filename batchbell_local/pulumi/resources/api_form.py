"""Converts a resource's inputs to the form of AWS's APIs, and what they return to outputs."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from .property_values import Inputs, Outputs


def physical_name(inputs: Inputs, prefix_limit: int = 100) -> str:
    """The name to create with: `name`, or `namePrefix` and 26 more characters, as from the provider."""
    if inputs.get("name"):
        return str(inputs["name"])
    return str(inputs["namePrefix"])[:prefix_limit] + uuid.uuid4().hex[:26]


def echo(inputs: Inputs, **computed: Any) -> Outputs:
    """The inputs as outputs, overridden by what AWS computed. None drops a property."""
    kept = {name: value for name, value in inputs.items() if not name.startswith("__")}
    return {name: value for name, value in (kept | computed).items() if value is not None}


def renamed(inputs: Inputs, names: Mapping[str, str], convert: Callable[[Any], Any] = lambda value: value) -> Outputs:
    """The inputs that are set, under the API's names: {"batchSize": 5} with {"batchSize": "BatchSize"}."""
    return {api: convert(inputs[wire]) for wire, api in names.items() if inputs.get(wire) is not None}


def pascal_names(names: str, **others: str) -> dict[str, str]:
    """The API's names of inputs, which are the same in PascalCase.

    names: the inputs, separated by spaces
    others: further inputs, with API names that do not follow the rule
    """
    return {name: name[:1].upper() + name[1:] for name in names.split()} | others


def same_names(names: str, **others: str) -> dict[str, str]:
    """As `pascal_names`, for an API with the same names."""
    return {name: name for name in names.split()} | others


def pascal(value: Any) -> Any:
    """Convert the camelCase keys of nested objects to PascalCase, which most AWS APIs use."""
    if isinstance(value, list):
        return [pascal(item) for item in value]
    if isinstance(value, Mapping):
        return {key[:1].upper() + key[1:]: pascal(item) for key, item in value.items() if item is not None}
    return value


def camel(value: Any) -> Any:
    """The reverse of pascal."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: camel(item) for key, item in value.items()}
    return value
