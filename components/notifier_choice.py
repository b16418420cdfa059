"""A stack's choice of notifiers: a list of {type, name, statuses, jobs, …the type's own settings}."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from pydantic import ValidationError

from batchbell.plugins import Plugin, PluginError, find_plugins
from batchbell.provisioning import NotifierSettings, SecretReference, SecretShape

from .mistakes import Mistake, describe, nearest
from .watched import STATUSES

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_OURS = ("type", "name", "statuses", "jobs")


@dataclass(frozen=True)
class NotifierChoice:
    """One configured notifier, validated."""

    name: str
    plugin: Plugin
    settings: NotifierSettings
    statuses: tuple[str, ...] = ()  # empty: all that the rule lets through
    jobs: tuple[str, ...] = ()  # patterns of job names; empty: all


def choose_notifiers(
    raw: Any, secrets: Mapping[str, str] | None, prefix: str
) -> tuple[tuple[NotifierChoice, ...], list[Mistake]]:
    """Validate the list `notifiers` of the settings. Gives the valid ones, and the mistakes in the others.

    `secrets`: as in `settings.check_settings`.
    """
    path = f"{prefix}notifiers"
    example = "for example [{type: email, name: team, sender: batch@example.com, recipients: [me@example.com]}]"
    if not isinstance(raw, Sequence) or isinstance(raw, str):
        return (), [Mistake(path, f"takes a list, {example}")]
    if not raw:
        return (), [Mistake(path, f"nobody would be told: takes at least one notifier, {example}")]
    try:
        plugins = find_plugins()
    except PluginError as error:
        return (), [Mistake(path, str(error))]
    choices: list[NotifierChoice] = []
    mistakes: list[Mistake] = []
    names: dict[str, int] = {}
    for number, entry in enumerate(raw):
        here = f"{path}[{number}]"
        if isinstance(entry, NotifierChoice):
            choices.append(entry)
            continue
        choice, wrong = _choose(entry, here, plugins, secrets)
        mistakes += wrong
        if choice is not None:
            choices.append(choice)
        name = entry.get("name") if isinstance(entry, Mapping) else None
        if isinstance(name, str) and names.setdefault(name, number) != number:
            mistakes.append(
                Mistake(f"{here}.name", f"got {name!r}, which notifiers[{names[name]}] has already; names are unique")
            )
    return tuple(choices), mistakes


def _choose(
    entry: Any, here: str, plugins: Mapping[str, Plugin], secrets: Mapping[str, str] | None
) -> tuple[NotifierChoice | None, list[Mistake]]:
    if not isinstance(entry, Mapping):
        return None, [
            Mistake(here, "takes an object, for example {type: slack, name: ops, webhook: {config: slackWebhook}}")
        ]
    mistakes = _check_name(entry.get("name"), here) + _check_filters(entry, here)
    kind = entry.get("type")
    plugin = plugins.get(kind) if isinstance(kind, str) else None
    if plugin is None:
        got = "is missing" if kind is None else f"got {kind!r}, and there is no such notifier"
        return None, [*mistakes, Mistake(f"{here}.type", got + nearest(str(kind), plugins))]
    own = {key: value for key, value in entry.items() if key not in _OURS}
    settings, wrong = _own_settings(plugin, own, here, secrets)
    mistakes += wrong
    if settings is None or mistakes:
        return None, mistakes
    choice = NotifierChoice(
        entry["name"], plugin, settings, tuple(entry.get("statuses") or ()), tuple(entry.get("jobs") or ())
    )
    return choice, []


def _check_name(name: Any, here: str) -> list[Mistake]:
    if isinstance(name, str) and NAME.fullmatch(name):
        return []
    got = "is missing" if name is None else f"got {name!r}"
    return [Mistake(f"{here}.name", f"{got}; takes 1 to 40 letters, digits, - and _, for example ops")]


def _check_filters(entry: Mapping[str, Any], here: str) -> list[Mistake]:
    mistakes = []
    statuses = entry.get("statuses") or []
    if not isinstance(statuses, list | tuple) or any(status not in STATUSES for status in statuses):
        mistakes.append(
            Mistake(
                f"{here}.statuses", f"got {statuses!r}; takes a list of {', '.join(STATUSES)}, for example [FAILED]"
            )
        )
    jobs = entry.get("jobs") or []
    if not isinstance(jobs, list | tuple) or not all(isinstance(pattern, str) and pattern for pattern in jobs):
        mistakes.append(
            Mistake(f"{here}.jobs", f"got {jobs!r}; takes a list of patterns of job names, for example [nightly-*]")
        )
    return mistakes


def _own_settings(
    plugin: Plugin, own: Mapping[str, Any], here: str, secrets: Mapping[str, str] | None
) -> tuple[NotifierSettings | None, list[Mistake]]:
    try:
        model: type[NotifierSettings] = plugin.infrastructure().Settings
    except PluginError as error:
        return None, [Mistake(f"{here}.type", str(error))]
    try:
        settings = model.model_validate(own)
    except ValidationError as error:
        return None, describe(error, model, f"{here}.")
    return settings, [] if secrets is None else _check_secrets(settings, here, secrets)


def _check_secrets(settings: NotifierSettings, here: str, secrets: Mapping[str, str]) -> list[Mistake]:
    """The values that are known at deploy time must look like what they are; they are never shown."""
    mistakes = []
    for field, shape in secret_shapes(type(settings)).items():
        reference = getattr(settings, field)
        if not isinstance(reference, SecretReference):
            continue
        value = reference.value
        if reference.config is not None:
            value = secrets.get(reference.config)
            if value is None:
                mistakes.append(
                    Mistake(
                        f"{here}.{field}",
                        f"the stack config has no secret {reference.config!r}: run "
                        f"`pulumi config set --secret {reference.config}`, which asks for the value",
                    )
                )
                continue
        problem = shape.problem(value) if shape and isinstance(value, str) else None
        if problem:
            mistakes.append(Mistake(f"{here}.{field}", problem))
    return mistakes


def secret_shapes(model: type[NotifierSettings]) -> Mapping[str, SecretShape | None]:
    """The fields of a notifier's settings that refer to secrets, each with the shape that its value must have."""
    hints = get_type_hints(model)
    return {
        name: next((mark for mark in field.metadata if isinstance(mark, SecretShape)), None)
        for name, field in model.model_fields.items()
        if hints[name] is SecretReference or SecretReference in get_args(hints[name])
    }
