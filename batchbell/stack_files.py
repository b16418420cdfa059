"""Reads a stack's configuration without the Pulumi CLI, from Pulumi.yaml and Pulumi.<stack>.yaml.

Pulumi passes every value to a program as text, objects and lists as JSON. No error shows a value: it may be a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

__all__ = ["InvalidConfig", "StackConfig", "load"]


class InvalidConfig(Exception):
    """The project's or the stack's file is invalid; the text names the file or the key."""


@dataclass(frozen=True)
class StackConfig:
    """A project's name, and its values as text by their full keys, such as "batchbell:notifiers"."""

    project: str
    values: Mapping[str, str]
    secret_keys: tuple[str, ...]


class _Loader(yaml.SafeLoader):
    """Reads the scalars of YAML 1.2, as Pulumi does: `on`, `yes` and dates stay text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  PyYAML's own attribute


for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("tag:yaml.org,2002:int", r"[-+]?[0-9]+", "-+0123456789"),
    ("tag:yaml.org,2002:float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
):
    _Loader.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern})$"), list(_first))


def load(
    program: Path, stack: str, config: Mapping[str, Any], secrets: Mapping[str, str], *, skip_encrypted: bool = False
) -> StackConfig:
    """Read a stack's configuration.

    program: the folder with both files.
    stack: the stack's name.
    config: values that override those of the files; keys without a namespace belong to the project.
    secrets: secret values that override all others.
    skip_encrypted: leave out the values that only the Pulumi CLI can decrypt, instead of raising.

    Raises InvalidConfig.
    """
    project_file = program / "Pulumi.yaml"
    document = _read(project_file)
    project = document.get("name")
    if not isinstance(project, str) or not project:
        raise InvalidConfig("Pulumi.yaml: has no name")
    declared = {_full(project, key): _declaration(item) for key, item in (document.get("config") or {}).items()}
    stack_file = program / f"Pulumi.{stack}.yaml"
    given = (_read(stack_file).get("config") or {}) if stack_file.exists() else {}
    values: dict[str, Any] = {key: item["default"] for key, item in declared.items() if "default" in item}
    values |= {_full(project, key): value for key, value in given.items()}
    values |= {_full(project, key): value for key, value in config.items()}
    secret = {_full(project, key): value for key, value in secrets.items()}
    values |= secret
    if skip_encrypted:
        values = {key: value for key, value in values.items() if not _is_encrypted(value)}
    for key, value in values.items():
        if _is_encrypted(value):
            raise InvalidConfig(f"{key}: is encrypted in {stack_file.name}; give its value as a secret here")
    for key, item in declared.items():
        if key not in values:
            raise InvalidConfig(f"{key}: is required and has no value")
        _check(key, item.get("type"), values[key])
    return StackConfig(project, {key: _text(value) for key, value in values.items()}, tuple(secret))


def _is_encrypted(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"secure"}


def _read(file: Path) -> dict[str, Any]:
    try:
        document = yaml.load(file.read_text(), _Loader)
    except FileNotFoundError:
        raise InvalidConfig(f"{file.name}: not found in the program's folder") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise InvalidConfig(f"{file.name}{where}: not valid YAML") from None
    return document if isinstance(document, dict) else {}


def _declaration(item: Any) -> dict[str, Any]:
    """Normalize a declaration of Pulumi.yaml: `{value: …}` and a plain value are the project's default."""
    if isinstance(item, dict) and ("type" in item or "default" in item or "description" in item):
        return item
    return {"default": item["value"] if isinstance(item, dict) and "value" in item else item}


def _full(project: str, key: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _check(key: str, kind: Any, value: Any) -> None:
    """Check a value's type. Numbers and booleans may be text, since `pulumi config set` writes text."""
    fits = {
        "string": not isinstance(value, list | dict),
        "boolean": str(value).lower() in ("true", "false"),
        "integer": re.fullmatch(r"[-+]?\d+", str(value)) is not None,
        "array": isinstance(value, list) or _json_is(value, list),
        "object": isinstance(value, dict) or _json_is(value, dict),
    }
    if not fits.get(str(kind), True):
        raise InvalidConfig(f"{key}: must be of the type {kind}, which Pulumi.yaml declares")


def _json_is(value: Any, kind: type) -> bool:
    try:
        return isinstance(value, str) and isinstance(json.loads(value), kind)
    except ValueError:
        return False


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value) if value is not None else ""
