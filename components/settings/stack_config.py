"""Reads settings from stack config, whose keys are flat and declared in Pulumi.yaml."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from batchbell.provisioning import Context

from .environment import EnvironmentSettings
from .field_description import describe_field
from .function import FunctionSettings
from .mistakes import FLATTENED, InvalidSettings, Mistake, Source, got, shown_name, suggest
from .model import Settings, check_settings

NAME_PREFIX_LIMIT = 32
# What AWS takes at the beginning of the names of all resources.
NAME_PREFIX = re.compile(rf"[A-Za-z0-9][A-Za-z0-9-]{{0,{NAME_PREFIX_LIMIT - 1}}}")

_GROUPS: Mapping[str, type[BaseModel]] = {"environment": EnvironmentSettings, "function": FunctionSettings}


@dataclass(frozen=True)
class ConfigKey:
    """A key of stack config, and its setting."""

    path: tuple[str, ...]  # ("environment", "platform")
    field: FieldInfo

    @property
    def purpose(self) -> str:
        """What the setting is for. Raises ValueError if the model does not say so."""
        if not self.field.title:
            raise ValueError(f"{'_'.join(self.path)}: Field(title=…) must say what the setting is for")
        return self.field.title

    @property
    def takes(self) -> str | None:
        """What the setting takes, in words (see `field_description`)."""
        return describe_field(Settings, self.path).takes

    @property
    def example(self) -> Any:
        """An example value, different from the default."""
        return describe_field(Settings, self.path).example

    @property
    def is_text(self) -> bool:
        choices = get_args(self.field.annotation)
        return self.field.annotation is str or (bool(choices) and all(isinstance(choice, str) for choice in choices))

    def decode(self, value: str) -> Any:
        """Decode a value as Pulumi passes it: strings as they are, everything else as JSON."""
        try:
            return value if self.is_text else json.loads(value)
        except ValueError:
            return value


def config_keys() -> Mapping[str, ConfigKey]:
    """All keys of stack config, such as environment_platform for `Settings.environment.platform`."""
    keys: dict[str, ConfigKey] = {}
    for name, field in Settings.model_fields.items():
        if name in FLATTENED:
            for inner, inner_field in _GROUPS[name].model_fields.items():
                keys[f"{name}_{inner}"] = ConfigKey((name, inner), inner_field)
        else:
            keys[name] = ConfigKey((name,), field)
    return keys


def settings_from_stack(context: Context) -> Settings:
    """Read the settings of the stack that is being deployed. Raises InvalidSettings."""
    secrets = stack_secrets()
    plain = {name: value for name, value in _own_config().items() if name not in secrets}
    mistakes = _of_stack_name(pulumi.get_stack(), context.prefix)
    try:
        settings = settings_from_config(plain, secrets=secrets, context=context, prefix=_prefix())
    except InvalidSettings as invalid:
        raise InvalidSettings([*mistakes, *invalid.mistakes]) from None
    if mistakes:
        raise InvalidSettings(mistakes)
    return settings


def _of_stack_name(stack: str, component: str) -> list[Mistake]:
    if NAME_PREFIX.fullmatch(f"{stack}-{component}"):
        return []
    return [
        Mistake(
            "the stack's name",
            f"{got(stack)}; takes 1 to {NAME_PREFIX_LIMIT - len(component) - 1} letters, digits and -, since names of "
            "queues and functions begin with it, for example nightly: `pulumi stack rename NAME`",
        )
    ]


def stack_secrets() -> Mapping[str, str]:
    """Values that were set with `pulumi config set --secret` in the project that is being deployed, by name."""
    return {name: value for name, value in _own_config().items() if _is_secret(_prefix() + name)}


def settings_from_config(
    plain: Mapping[str, str],
    *,
    secrets: Mapping[str, str] | None,
    context: Context | None,
    prefix: str,
    secret_names: Iterable[str] = (),
) -> Settings:
    """Validate settings with flat keys.

    plain: values as Pulumi passes them (see `ConfigKey.decode`), without secrets
    secrets, context, prefix: as in `check_settings`
    secret_names: the names of the secrets, if `secrets` is None because their values cannot be read

    Raises InvalidSettings.
    """
    keys, source = config_keys(), Source(prefix)
    encrypted = {name: _encrypted(name) for name in (*(secrets or ()), *secret_names) if name in keys}
    mistakes = [Mistake(source.path(name), text) for name, text in encrypted.items()]
    mistakes += [Mistake(source.path(name), _unknown(name, keys)) for name in plain if name not in keys]
    nested, unused = _nested(plain, keys, source)
    mistakes += unused
    try:
        settings = check_settings(nested, secrets=secrets, context=context, prefix=prefix)
    except InvalidSettings as invalid:
        # An encrypted setting is not also reported as missing.
        unread = {source.path(name) for name in encrypted}
        mistakes += [mistake for mistake in invalid.mistakes if mistake.path not in unread]
    if mistakes:
        raise InvalidSettings(mistakes)
    return settings


def _encrypted(name: str) -> str:
    if name == "notifiers":
        return (
            "is encrypted, but is not a secret; set it without --secret, store each secret in it as a key of its own "
            "with `pulumi config set --secret NAME`, and refer to that as {config: NAME}, for example "
            "webhook: {config: slackWebhook}"
        )
    return f"is encrypted, but is not a secret; set it without --secret: `pulumi config set {name} VALUE`"


def _unknown(name: str, keys: Iterable[str]) -> str:
    inner = sorted(key for key in keys if key.startswith(f"{name}_"))
    if name in FLATTENED:
        return f"no such setting; each setting in it is a key of its own, such as {inner[-1]}"
    hint = suggest(name, keys)
    if not hint.startswith("; did you mean"):
        hint = f"; a secret is set with `pulumi config set --secret {shown_name(name)}`{hint}"
    return f"no such setting{hint}"


def _nested(
    plain: Mapping[str, str], keys: Mapping[str, ConfigKey], source: Source
) -> tuple[dict[str, Any], list[Mistake]]:
    """The nested form of the settings, and mistakes: settings of an environment that is not created."""
    nested: dict[str, Any] = {}
    for name, key in keys.items():
        if name not in plain:
            continue
        *groups, last = key.path
        target = nested
        for group in groups:
            target = target.setdefault(group, {})
        target[last] = key.decode(plain[name])
    environment = nested.get("environment", {})
    if environment.get("name"):
        return nested, []
    # Without a name no environment is created. Pulumi.yaml's defaults for its other keys arrive anyway: ignore them.
    nested.pop("environment", None)
    return nested, [
        Mistake(
            source.path("environment", inner),
            f"{got(value)}, but no environment is created; also set {source.path('environment', 'name')}, "
            "for example print-color",
        )
        for inner, value in environment.items()
        if inner != "name" and value != _as_config(EnvironmentSettings.model_fields[inner].default)
    ]


def _as_config(default: Any) -> Any:
    return list(default) if isinstance(default, tuple) else default


def _prefix() -> str:
    return f"{pulumi.get_project()}:"


def _own_config() -> Mapping[str, str]:
    # Set explicitly by a language host, or passed by `pulumi up` in the environment.
    everything = {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}
    return {key.removeprefix(_prefix()): value for key, value in everything.items() if key.startswith(_prefix())}


def _is_secret(key: str) -> bool:
    return runtime_config.is_config_secret(key) or key in runtime_config.get_config_secret_keys_env()
