"""Reads a stack's configuration without the Pulumi CLI, from Pulumi.yaml and Pulumi.<stack>.yaml.

Pulumi passes every value to a program as text, objects and lists as JSON. No error shows a value: it may be a secret.
What it takes is compared with what the CLI takes in tests/batchbell/test_read_as_by_the_cli.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from batchbell.pulumi_yaml import InvalidYaml, read_yaml

__all__ = ["InvalidConfig", "Stack", "StackConfig", "find_stack", "load"]

_KEY = re.compile(r"(?:[^:]*:)?(?:config:)?[^:]*")
PROJECT_FILES = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")
EXAMPLES = Path("examples", "stacks")  # the CLI writes into the files of stacks, so examples are not among them


class InvalidConfig(Exception):
    """The project's or the stack's file is invalid; the text names the file or the key."""


@dataclass(frozen=True)
class Stack:
    """A stack of the program in a folder."""

    name: str  # without the organization and the project
    file: Path  # may be missing: then every value is the project's default
    project: str
    declared: Mapping[str, Any]  # the `config` of the project's file


@dataclass(frozen=True)
class StackConfig:
    """The values of a stack as text by their full keys, such as "batchbell:notifiers"."""

    project: str
    stack: str  # without the organization and the project
    values: Mapping[str, str]
    secret_keys: tuple[str, ...]  # with the keys of encrypted values, which may not be among `values`


def find_stack(program: Path, stack: str) -> Stack:
    """Find a stack as the CLI does: `stack`, `organization/stack` or `organization/project/stack`.

    A stack without a file has that of the program's example of its name, if there is one.

    program: the folder with the project's file.

    Raises InvalidConfig.
    """
    project_file = next((file for name in PROJECT_FILES if (file := program / name).exists()), None)
    if project_file is None:
        raise InvalidConfig("Pulumi.yaml: not found in the program's folder")
    document = _read(project_file)
    project = document.get("name")
    if not isinstance(project, str) or not project:
        raise InvalidConfig(f"{project_file.name}: has no name")
    *qualifiers, name = stack.split("/")
    if not name or len(qualifiers) > 2:
        raise InvalidConfig(f"the stack {stack}: takes NAME, ORGANIZATION/NAME or ORGANIZATION/PROJECT/NAME")
    if len(qualifiers) == 2 and qualifiers[1] not in ("", project):
        raise InvalidConfig(f"the stack {stack} is of another project: {project_file.name} is of {project}")
    old_folder = document["config"] if isinstance(document.get("config"), str) else None
    folder = program / str(document.get("stackConfigDir") or old_folder or "")
    declared = {} if old_folder else _config(document, project_file)
    file, example = (one / f"Pulumi.{name}{project_file.suffix}" for one in (folder, program / EXAMPLES))
    return Stack(name, example if example.exists() and not file.exists() else file, project, declared)


def load(
    program: Path, stack: str, config: Mapping[str, Any], secrets: Mapping[str, str], *, skip_encrypted: bool = False
) -> StackConfig:
    """Read a stack's configuration.

    program: the folder with both files.
    stack: the stack's name, as for `find_stack`.
    config: values that override those of the files; keys without a namespace belong to the project.
    secrets: secret values that override all others.
    skip_encrypted: leave out the values that only the Pulumi CLI can decrypt, instead of raising.

    Raises InvalidConfig.
    """
    found = find_stack(program, stack)
    project = found.project
    declared = {_full(project, key): _declaration(item) for key, item in found.declared.items()}
    given = _config(_read(found.file), found.file) if found.file.exists() else {}
    values: dict[str, Any] = {key: item["default"] for key, item in declared.items() if "default" in item}
    values |= {_full(project, key): value for key, value in given.items()}
    values |= {_full(project, key): value for key, value in config.items()}
    secret = {_full(project, key): value for key, value in secrets.items()}
    values |= secret
    encrypted = [key for key, value in values.items() if _has_encrypted(value)]
    for key in encrypted:
        if not skip_encrypted:
            raise InvalidConfig(f"{key}: is encrypted in {found.file.name}; give its value as a secret here")
        del values[key]
    for key, item in declared.items():
        if key in encrypted:
            continue
        if key not in values:
            raise InvalidConfig(f"{key}: is required and has no value")
        _check(key, item.get("type"), values[key])
    return StackConfig(project, found.name, {key: _text(value) for key, value in values.items()}, (*secret, *encrypted))


def _has_encrypted(value: Any) -> bool:
    """Whether the value, or one in it, is a text that only the CLI can decrypt."""
    if isinstance(value, list):
        return any(map(_has_encrypted, value))
    if not isinstance(value, Mapping):
        return False
    is_encrypted = set(value) == {"secure"} and isinstance(value["secure"], str)
    return is_encrypted or any(map(_has_encrypted, value.values()))


def _read(file: Path) -> Mapping[str, Any]:
    try:
        document = read_yaml(file)
    except InvalidYaml as invalid:
        raise InvalidConfig(str(invalid)) from None
    except OSError as error:
        raise InvalidConfig(f"{file.name}: cannot be read: {error.strerror}") from None
    if not isinstance(document, dict | None):
        raise InvalidConfig(f"{file.name}: must be an object with the key config")
    return document or {}


def _config(document: Mapping[str, Any], file: Path) -> Mapping[str, Any]:
    config = document.get("config")
    config = {} if config is None else config
    if not isinstance(config, dict) or not all(isinstance(key, str) and _KEY.fullmatch(key) for key in config):
        raise InvalidConfig(f"{file.name}: its config must be an object with keys such as aws:region")
    return config


def _declaration(item: Any) -> dict[str, Any]:
    """Normalize a declaration of Pulumi.yaml: `{value: …}` and a plain value are the project's default."""
    if not isinstance(item, dict):
        return {"default": item}
    return {**item, "default": item["value"]} if "value" in item else item


def _full(project: str, key: str) -> str:
    namespace, _, name = key.replace(":config:", ":").rpartition(":")  # project:config:key is an older spelling
    return f"{namespace or project}:{name}"


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
    if isinstance(value, float):
        return _float_text(value)
    return json.dumps(value) if value is not None else ""


def _float_text(number: float) -> str:
    """As Go writes it (encoding/json, floatEncoder): 0.000001, but 1e-7."""
    if number == 0 or 1e-6 <= abs(number) < 1e21:
        return f"{Decimal(repr(number)):f}"
    return repr(number).replace("e-0", "e-")
