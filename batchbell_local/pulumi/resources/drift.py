"""Computes the properties after a refresh: the recorded ones, with what is different in AWS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .archives import is_archive
from .property_values import Inputs, Outputs
from .resource_type import ResourceType


def after_refresh(type_: ResourceType, recorded: Inputs, found: Inputs) -> Outputs:
    """The recorded inputs (or outputs) of a resource with their current values; `found` if nothing is recorded.

    AWS returns more than a program sets (defaults, computed fields), and some values in another form. So only recorded
    properties are compared, down to the fields of objects, and those that AWS does not return stay as they were.
    """
    if not recorded:
        return dict(found)
    return {
        name: value if name not in found or type_.same(name, value, found[name]) else _updated(value, found[name])
        for name, value in recorded.items()
    }


def _updated(recorded: Any, found: Any) -> Any:
    if is_archive(recorded):
        return recorded
    if isinstance(recorded, Mapping) and isinstance(found, Mapping):
        return {key: _updated(value, found[key]) if key in found else value for key, value in recorded.items()}
    if isinstance(recorded, list) and isinstance(found, list) and len(recorded) == len(found):
        return [_updated(one, other) for one, other in zip(recorded, found, strict=True)]
    return found
