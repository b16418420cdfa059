"""Checks inputs against the pulumi_aws SDK's types: unknown names, missing names, a list instead of an object.

The SDK translates Python names to wire names and passes on names that it does not know, such as a misspelt key in a
nested dict; the real provider refuses them. The SDK's `…Args` classes declare the provider's schema.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import threading
import types
from collections import abc
from collections.abc import Iterator, Mapping
from typing import Any, Union, get_args, get_origin

from pulumi import Output, _types

from .errors import CheckFailure
from .property_values import SIGNATURE, UNKNOWN

RENAMED_PACKAGES = {"lambda": "lambda_"}  # a Python keyword cannot name a package
# pulumi_aws loads a service's module when an attribute is first used, and a second thread then finds it half loaded.
_loading = threading.Lock()
FREE_FORM = {"PolicyDocumentArgs"}  # the type lacks keys of the IAM grammar, such as NotAction


def check(token: str, inputs: Mapping[str, Any]) -> Iterator[CheckFailure]:
    """The inputs (wire names) of the resource type `token` that do not fit the SDK's types."""
    yield from _object_failures(args_type(token), inputs, "")


def provider_inputs() -> frozenset[str]:
    """The wire names of an explicit provider's inputs."""
    return frozenset(_types.input_type_types(importlib.import_module("pulumi_aws").ProviderArgs))


@functools.cache
def output_names(token: str) -> frozenset[str]:
    """The wire names of the outputs that are not inputs, which AWS sets."""
    made = _class(token)
    return frozenset(_types.resource_types(made)) - frozenset(_types.input_type_types(args_type(token)))


@functools.cache
def args_type(token: str) -> type:
    """The SDK's inputs class for a resource token: pulumi_aws.sqs.QueueArgs for "aws:sqs/queue:Queue"."""
    found = _class(token, "Args")
    assert isinstance(found, type)
    return found


def _class(token: str, suffix: str = "") -> Any:
    package = token.split(":")[1].split("/")[0]
    name = token.rpartition(":")[2] + suffix
    with _loading:
        return getattr(importlib.import_module(f"pulumi_aws.{RENAMED_PACKAGES.get(package, package)}"), name)


def _object_failures(args: type, value: Mapping[str, Any], path: str) -> Iterator[CheckFailure]:
    hints = _types.input_type_types(args)
    for name, item in value.items():
        if name.startswith("__"):  # the engine's own, such as __defaults
            continue
        where = f"{path}.{name}" if path else name
        if name not in hints:
            nearest = difflib.get_close_matches(name, hints, 1)
            yield CheckFailure(where, "unknown input" + (f"; the nearest known one is {nearest[0]}" if nearest else ""))
        else:
            yield from _value_failures(hints[name], item, where)
    for name in sorted(_types._required_property_names(args)):
        if value.get(name) is None:
            yield CheckFailure(f"{path}.{name}" if path else name, "is required")


def _value_failures(hint: Any, value: Any, path: str) -> Iterator[CheckFailure]:
    if value is None or value == UNKNOWN or (isinstance(value, Mapping) and SIGNATURE in value):
        return
    shapes = list(_shapes(hint))
    objects = [shape for shape in shapes if isinstance(shape, type) and _types.is_input_type(shape)]
    lists = [get_args(shape)[0] for shape in shapes if get_origin(shape) in (list, abc.Sequence)]
    maps = [get_args(shape)[1] for shape in shapes if get_origin(shape) in (dict, abc.Mapping)]
    if Any in shapes or any(shape.__name__ in FREE_FORM for shape in objects):
        return
    if isinstance(value, list):
        if not lists:
            yield CheckFailure(path, "takes one value, got a list")
        for index, item in enumerate(value):
            yield from (_value_failures(lists[0], item, f"{path}[{index}]") if lists else ())
    elif isinstance(value, Mapping):
        if objects:
            yield from _object_failures(objects[0], value, path)
        elif maps:
            for key, item in value.items():
                yield from _value_failures(maps[0], item, f"{path}.{key}")
        else:
            yield CheckFailure(path, "takes a list, got an object" if lists else "takes one value, got an object")
    elif len(objects) + len(lists) + len(maps) and not any(_is_scalar(shape) for shape in shapes):
        yield CheckFailure(path, f"takes {'a list' if lists else 'an object'}, got one value")


def _shapes(hint: Any) -> Iterator[Any]:
    """The alternatives in a type hint. Input[T] is a union of T, Awaitable[T] and Output[T]; only T is kept."""
    origin = get_origin(hint)
    if origin is Union or origin is types.UnionType:
        for argument in get_args(hint):
            yield from _shapes(argument)
    elif hint is not type(None) and hint is not Output and origin not in (abc.Awaitable, Output):
        yield hint


def _is_scalar(shape: Any) -> bool:
    return isinstance(shape, type) and issubclass(shape, str | bool | int | float)
