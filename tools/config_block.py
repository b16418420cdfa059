"""Pulumi.yaml's `config` block: every key with its type, its default and what it is for, from the settings' models.

The Pulumi CLI checks these types before the program runs and stops at the first mistake, takes no null and no nested
declaration, and asks for a key that has no default. So each key has a harmless default, and the settings judge values.
"""

from __future__ import annotations

import json
import re
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from components.settings.stack_config import ConfigKey, config_keys

NOTE = "# Written by `make docs` from the models of the settings (see components/settings): change them, not this."

_BLOCK = re.compile(r"^config:\n(?:[ \t].*\n?|\n)*", re.MULTILINE)
_TYPES: dict[Any, str] = {bool: "boolean", int: "integer", str: "string", Any: "string"}
_HARMLESS: dict[str, Any] = {"array": [], "string": ""}


def with_config_block(pulumi_yaml: str) -> str:
    """The text of Pulumi.yaml with its block written anew, or at the end if it has none; the rest stays as it is."""
    head, found, rest = pulumi_yaml, _BLOCK.search(pulumi_yaml), ""
    if found:
        head, rest = pulumi_yaml[: found.start()], pulumi_yaml[found.end() :]
    lines = [line for name, key in config_keys().items() for line in _declaration(name, key)]
    return head + "\n".join(["config:", f"  {NOTE}", *lines, ""]) + rest


def declared_default(key: ConfigKey) -> Any:
    """What stands for "not set" in Pulumi.yaml: the setting's default, or an empty list or text where it has none.

    Raises ValueError for one that Pulumi.yaml cannot hold.
    """
    default = _HARMLESS.get(_type(key.field)) if key.field.is_required() else key.field.get_default()
    if default is None:
        raise ValueError(
            f"{'_'.join(key.path)}: Pulumi.yaml takes no null; its setting takes a default that stands for none, for "
            "example an empty text"
        )
    return list(default) if isinstance(default, tuple) else default


def _declaration(name: str, key: ConfigKey) -> list[str]:
    type_ = _type(key.field)
    return [
        f"  {name}:",
        f"    type: {type_}",
        *(["    items:", f"      type: {_item_type(key.field)}"] if type_ == "array" else []),
        f"    default: {_scalar_or_list(declared_default(key))}",
        f"    description: {_scalar_or_list(f'{key.purpose}; takes {key.takes}')}",
    ]


def _scalar_or_list(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)  # JSON is YAML, in one way of writing it


def _type(field: FieldInfo) -> str:
    annotation = field.annotation
    if get_origin(annotation) is tuple:
        return "array"
    if get_origin(annotation) is Literal:
        annotation = type(get_args(annotation)[0])
    return _TYPES.get(annotation, "object")


def _item_type(field: FieldInfo) -> str:
    item = FieldInfo.from_annotation(get_args(field.annotation)[0])
    return _type(item)
