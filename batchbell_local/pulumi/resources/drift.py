"""What a refresh says: the recorded properties, with what is different in AWS laid over them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .archives import is_archive
from .resource_type import Inputs, Outputs, ResourceType


def after_refresh(type_: ResourceType, recorded: Inputs, found: Inputs) -> Outputs:
    """The recorded inputs (or outputs) of a resource as they are now; all that was found if nothing is recorded.

    AWS says more than a program does (defaults, computed fields), and the same in other words. So only what is
    recorded is compared, down to the fields of objects, and what is not to be found out stays as it was.
    """
    if not recorded:
        return dict(found)
    return {
        name: value if name not in found or type_.same(name, value, found[name]) else _laid_over(value, found[name])
        for name, value in recorded.items()
    }


def _laid_over(recorded: Any, found: Any) -> Any:
    if is_archive(recorded):
        return recorded
    if isinstance(recorded, Mapping) and isinstance(found, Mapping):
        return {key: _laid_over(value, found[key]) if key in found else value for key, value in recorded.items()}
    if isinstance(recorded, list) and isinstance(found, list) and len(recorded) == len(found):
        return [_laid_over(one, other) for one, other in zip(recorded, found, strict=True)]
    return found
