"""Plants a fault in a recorded stack, for a judge to find."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tests.judges.registered import Registered

Spoil = Callable[[dict[str, Any]], Any]


def plant(resources: Sequence[Registered], type_: str, spoil: Spoil) -> list[Registered]:
    """Return the resources with one of the type, such as "Queue", spoilt: `spoil` changes its inputs.

    Those that refer to its name follow a new name.
    """
    one = next(one for one in resources if one.type_token.endswith(f":{type_}"))
    inputs = copy.deepcopy(dict(one.inputs))
    spoil(inputs)
    spoilt = replace(one, inputs=inputs, outputs={**one.outputs, **inputs})
    old, new = one.outputs.get("name"), spoilt.outputs.get("name")
    return [spoilt if other is one else _renamed(other, old, new) for other in resources]


def _renamed(resource: Registered, old: Any, new: Any) -> Registered:
    if old == new or old not in resource.inputs.values():
        return resource
    return replace(resource, inputs={key: new if value == old else value for key, value in resource.inputs.items()})


def put(path: str, value: Any) -> Spoil:
    """Set an input; the path leads through objects and lists: "ttl.attributeName", "attributes.0.type"."""

    def spoil(inputs: dict[str, Any]) -> None:
        *steps, last = path.split(".")
        at: Any = inputs
        for step in steps:
            at = at[int(step)] if isinstance(at, list) else at[step]
        at[int(last) if isinstance(at, list) else last] = value

    return spoil


def drop(path: str) -> Spoil:
    """Remove an input."""

    def spoil(inputs: dict[str, Any]) -> None:
        *steps, last = path.split(".")
        at: Any = inputs
        for step in steps:
            at = at[int(step)] if isinstance(at, list) else at[step]
        del at[last]

    return spoil
