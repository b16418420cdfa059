"""Stack config → settings: the keys of Pulumi.yaml, flat, judged here and nowhere else."""

from __future__ import annotations

import json
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
from .mistakes import FLATTENED, InvalidSettings, Mistake, Source, got, shown_name, suggest
from .model import FunctionSettings, Settings, check_settings

_GROUPS: Mapping[str, type[BaseModel]] = {"environment": EnvironmentSettings, "function": FunctionSettings}


@dataclass(frozen=True)
class ConfigKey:
    """A key of stack config and the setting that it gives."""

    path: tuple[str, ...]  # ("environment", "platform")
    field: FieldInfo

    @property
    def purpose(self) -> str:
        """What it is for. Raises ValueError if the model does not say it."""
        if not self.field.title:
            raise ValueError(f"{'_'.join(self.path)}: Field(title=…) says what a setting is for; it has none")
        return self.field.title

    @property
    def takes(self) -> str | None:
        """What it takes, in words (see `expectation`)."""
        return describe_field(Settings, self.path).takes

    @property
    def example(self) -> Any:
        """The value to show: one that is not the default, so that it shows a change."""
        return describe_field(Settings, self.path).example

    @property
    def is_text(self) -> bool:
        choices = get_args(self.field.annotation)
        return self.field.annotation is str or (bool(choices) and all(isinstance(choice, str) for choice in choices))

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
        if name in FLATTENED:
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
    keys, source = config_keys(), Source(prefix)
    encrypted = {name: _encrypted(name) for name in secrets or () if name in keys}
    mistakes = [Mistake(source.path(name), text) for name, text in encrypted.items()]
    mistakes += [Mistake(source.path(name), _unknown(name, keys)) for name in plain if name not in keys]
    nested, pointless = _nested(plain, keys, source)
    mistakes += pointless
    try:
        settings = check_settings(nested, secrets=secrets, context=context, prefix=prefix)
    except InvalidSettings as invalid:
        # That an encrypted setting is missing is no mistake of its own.
        unread = {source.path(name) for name in encrypted}
        mistakes += [mistake for mistake in invalid.mistakes if mistake.path not in unread]
    if mistakes:
        raise InvalidSettings(mistakes)
    return settings


def _encrypted(name: str) -> str:
    if name == "notifiers":
        return (
            "is encrypted, and it is a setting and no secret; set it without --secret, and only what is secret in it "
            "as a key of its own with `pulumi config set --secret NAME`, referred to as {config: NAME}, for example "
            "webhook: {config: slackWebhook}"
        )
    return f"is encrypted, and it is a setting and no secret; set it without --secret: `pulumi config set {name} VALUE`"


def _unknown(name: str, keys: Iterable[str]) -> str:
    hint = suggest(name, keys)
    if not hint.startswith("; did you mean"):
        hint = f"; a secret is set with `pulumi config set --secret {shown_name(name)}`{hint}"
    return f"no such setting{hint}"


def _nested(
    plain: Mapping[str, str], keys: Mapping[str, ConfigKey], source: Source
) -> tuple[dict[str, Any], list[Mistake]]:
    """The nested form, and the settings of an environment that is not made."""
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
    # Without a name no environment is made: Pulumi.yaml's harmless defaults arrive all the same, and say nothing.
    nested.pop("environment", None)
    return nested, [
        Mistake(
            source.path("environment", inner),
            f"{got(value)}, and no environment is made; takes {source.path('environment', 'name')} beside it, "
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
    # What a language host set explicitly, or what `pulumi up` passes in the environment.
    everything = {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}
    return {key.removeprefix(_prefix()): value for key, value in everything.items() if key.startswith(_prefix())}


def _is_secret(key: str) -> bool:
    return runtime_config.is_config_secret(key) or key in runtime_config.get_config_secret_keys_env()
