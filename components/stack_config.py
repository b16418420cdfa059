"""Stack config → settings: the keys of Pulumi.yaml, flat, judged here and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from batchbell.provisioning import Context

from .mistakes import FLAT, Mistake, nearest
from .settings import EnvironmentSettings, FunctionSettings, InvalidSettings, Settings, check_settings

_GROUPS: Mapping[str, type[BaseModel]] = {"environment": EnvironmentSettings, "function": FunctionSettings}


@dataclass(frozen=True)
class ConfigKey:
    """A key of stack config and the setting that it gives."""

    path: tuple[str, ...]  # ("environment", "platform")
    field: FieldInfo

    @property
    def is_text(self) -> bool:
        return self.field.annotation is str or all(isinstance(part, str) for part in get_args(self.field.annotation))

    def decode(self, value: str) -> Any:
        """Pulumi hands every value over as text: strings as they are, all else as JSON."""
        try:
            return value if self.is_text else json.loads(value)
        except ValueError:
            return value


def config_keys() -> Mapping[str, ConfigKey]:
    """Every key of stack config: environment_platform for `Settings.environment.platform`."""
    keys: dict[str, ConfigKey] = {}
    for name, field in Settings.model_fields.items():
        if name in FLAT:
            for inner, inner_field in _GROUPS[name].model_fields.items():
                keys[f"{name}_{inner}"] = ConfigKey((name, inner), inner_field)
        else:
            keys[name] = ConfigKey((name,), field)
    return keys


def settings_from_stack(context: Context) -> Settings:
    """The settings of the stack that is being deployed. Raises InvalidSettings."""
    secrets = stack_secrets()
    plain = {name: value for name, value in _own_config().items() if name not in secrets}
    return settings_from_config(plain, secrets=secrets, context=context, prefix=_prefix())


def stack_secrets() -> Mapping[str, str]:
    """What was set with `pulumi config set --secret` in the project that is being deployed, by name."""
    return {name: value for name, value in _own_config().items() if _is_secret(_prefix() + name)}


def settings_from_config(
    plain: Mapping[str, str], *, secrets: Mapping[str, str] | None, context: Context | None, prefix: str
) -> Settings:
    """Flat keys, with values as Pulumi hands them over, → settings.

    `secrets`, `context` and `prefix` as in `check_settings`. Raises InvalidSettings.
    """
    keys = config_keys()
    mistakes = [
        Mistake(
            f"{prefix}{name}",
            f"no such setting{nearest(name, keys)}; a secret is set with `pulumi config set --secret {name}`",
        )
        for name in plain
        if name not in keys
    ]
    try:
        settings = check_settings(_nested(plain, keys), secrets=secrets, context=context, prefix=prefix)
    except InvalidSettings as invalid:
        raise InvalidSettings(mistakes + invalid.mistakes) from None
    if mistakes:
        raise InvalidSettings(mistakes)
    return settings


def _nested(plain: Mapping[str, str], keys: Mapping[str, ConfigKey]) -> dict[str, Any]:
    """The nested form. An empty value, such as Pulumi.yaml's harmless defaults, counts as not given."""
    nested: dict[str, Any] = {}
    for name, key in keys.items():
        value = key.decode(plain.get(name, ""))
        if value in ("", [], {}):
            continue
        *groups, last = key.path
        target = nested
        for group in groups:
            target = target.setdefault(group, {})
        target[last] = value
    # Without a name there is no environment to make: the other keys of the group are then Pulumi.yaml's defaults.
    if "name" not in nested.get("environment", {}):
        nested.pop("environment", None)
    return nested


def _prefix() -> str:
    return f"{pulumi.get_project()}:"


def _own_config() -> Mapping[str, str]:
    # What a language host set explicitly, or what `pulumi up` passes in the environment.
    everything = {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}
    return {key.removeprefix(_prefix()): value for key, value in everything.items() if key.startswith(_prefix())}


def _is_secret(key: str) -> bool:
    return runtime_config.is_config_secret(key) or key in runtime_config.get_config_secret_keys_env()
