"""A stack's notifiers: a list of {type, name, statuses, jobs, tags, digest_after, …the type's own settings}."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_type_hints

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, field_validator

from batchbell.plugins import Plugin, PluginError, find_plugins
from batchbell.provisioning import STACK_CONFIG, Context, NotifierSettings, SecretReference, SecretShape, check_arn
from batchbell.wire import DIGEST_LIMIT, LOG_LINES_LIMIT, Status

from .field_description import flow_yaml
from .job_name_pattern import check_pattern
from .mistakes import Mistake, Source, got, mistakes_from, shown_name, suggest
from .statuses import MESSAGE_STATUSES, MessageStatus, check_has_event
from .validation import SettingsModel
from .watch import ASKED_BY

NOTIFIER_EXAMPLE: Mapping[str, Any] = {
    "type": "email",
    "name": "team",
    "sender": "batch@example.com",
    "recipients": ["team@example.com"],
}
_EXAMPLE = f"for example {flow_yaml(NOTIFIER_EXAMPLE)}"


# AWS General Reference, "Tag naming limits and requirements".
TAG_KEY_LIMIT, TAG_VALUE_LIMIT = 128, 256  # characters


def _check_list(patterns: Any) -> Any:
    """Return the same value. Raises ValueError if it is no list, since pydantic's own error speaks of a tuple."""
    if not isinstance(patterns, list | tuple):
        raise ValueError("takes a list of patterns of the tag's value, for example [genomics, ml-*]")
    return patterns


def _check_tags(tags: dict[str, tuple[str, ...]] | None) -> dict[str, tuple[str, ...]] | None:
    """Return the same filter. Raises ValueError if it lets nothing through."""
    for key, patterns in (tags or {}).items():
        if not 0 < len(key) <= TAG_KEY_LIMIT:
            raise ValueError(f"takes names of tags, which have 1 to {TAG_KEY_LIMIT} characters")
        if not patterns:
            raise ValueError(f"{got(key)} has no pattern; takes at least one for each tag")
        if any(len(pattern) > TAG_VALUE_LIMIT for pattern in patterns):
            raise ValueError(f"{got(key)} has a pattern that is longer than any tag ({TAG_VALUE_LIMIT} characters)")
    return tags


class EntrySettings(SettingsModel):
    """The settings of every notifier's entry, beside `type` and its type's own settings."""

    # Pulumi limits an SNS topic's name to 80 characters: 32 of the stack's name, "-", these 39, and 8 of its own.
    name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,38}$",
            title="unique in this stack; logs, tickets and commands show it",
            description="1 to 39 letters, digits, - and _",
            examples=["ops"],
        ),
    ]
    statuses: Annotated[
        tuple[Annotated[MessageStatus, BeforeValidator(check_has_event)], ...] | None,
        Field(
            title="statuses of the messages that it sends",
            description=f"a list of {', '.join(MESSAGE_STATUSES)} (without it: all)",
            examples=[["FAILED"]],
        ),
    ] = None
    jobs: Annotated[
        tuple[Annotated[str, AfterValidator(check_pattern), Field(description="a job name pattern")], ...] | None,
        Field(
            title="names of the jobs that it reports: * is any text, ? any character, [ab] one of these; case counts",
            description="a list of job name patterns (without it: all)",
            examples=[["nightly-*"]],
        ),
    ] = None
    tags: Annotated[
        dict[
            str,
            Annotated[
                tuple[Annotated[str, Field(description="a pattern of a tag's value")], ...],
                BeforeValidator(_check_list),
            ],
        ]
        | None,
        AfterValidator(_check_tags),
        Field(
            title="tags of the jobs that it reports: of each, one pattern must match (*, ?, [ab] as in jobs)",
            description="an object of lists of patterns, by tag (without it: all)",
            examples=[{"team": ["genomics", "ml-*"]}],
        ),
    ] = None
    log_lines: Annotated[
        int | None,
        Field(
            strict=True,
            ge=0,
            le=LOG_LINES_LIMIT,
            title="how many of the stack's log_lines it shows at most; 0 keeps logs out of the channel",
            description=f"a whole number from 0 to {LOG_LINES_LIMIT} (without it: the stack's)",
            examples=[0],
        ),
    ] = None
    digest_after: Annotated[
        int | None,
        Field(
            strict=True,
            ge=0,
            le=DIGEST_LIMIT,
            title="how many messages at once are still sent one by one; more are sent as one digest",
            description=f"a whole number from 1 to {DIGEST_LIMIT}, or 0 for never",
            examples=[10],
        ),
    ] = None  # the type's own default

    @field_validator("statuses", "jobs", "tags")
    @classmethod
    def _not_empty(cls, value: Any) -> Any:
        if value is not None and not value:
            raise ValueError("takes at least one item (without this setting: all)")
        return value


class NotifierChoice(EntrySettings):
    """A valid entry, with its plug-in and its type's own settings. `digest_after` is set."""

    plugin: Plugin
    settings: NotifierSettings

    def shape_of(self, reference: SecretReference) -> SecretShape | None:
        """The shape that the value of one of its secrets must have, if the notifier's settings declare one."""
        shapes = secret_shapes(type(self.settings))
        return next((shape for field, shape in shapes.items() if getattr(self.settings, field) is reference), None)


@dataclass(frozen=True)
class _Stack:
    """What the entries are validated against."""

    plugins: Mapping[str, Plugin]
    statuses: Sequence[str]  # that the stack's messages can have
    secrets: Mapping[str, str] | None
    context: Context | None
    source: Source


def choose_notifiers(
    raw: Any, statuses: Sequence[str], secrets: Mapping[str, str] | None, context: Context | None, source: Source
) -> tuple[tuple[NotifierChoice, ...], list[Mistake]]:
    """Validate the list `notifiers` of the settings. Returns the valid entries, and the mistakes in the others.

    statuses: those that the stack's messages can have
    secrets, context: as in `model.check_settings`
    """
    path = source.path("notifiers")
    if not isinstance(raw, Sequence) or isinstance(raw, str):
        return (), [Mistake(path, f"{got(raw)}; takes a list of objects, {_EXAMPLE}")]
    if not raw:
        return (), [Mistake(path, f"nobody would get messages; takes a list of at least one object, {_EXAMPLE}")]
    stack = _Stack(find_plugins(), statuses, secrets, context, source)
    choices: list[NotifierChoice] = []
    mistakes: list[Mistake] = []
    names: dict[str, int] = {}
    for number, entry in enumerate(raw):
        if isinstance(entry, NotifierChoice):
            choices.append(entry)
            continue
        choice, wrong = _choose(entry, number, stack)
        mistakes += wrong
        if choice is not None:
            choices.append(choice)
        name = entry.get("name") if isinstance(entry, Mapping) else None
        if isinstance(name, str) and (first := names.setdefault(name, number)) != number:
            taken = f"{got(name)}, which notifiers[{first}] already has; takes a unique name"
            mistakes.append(Mistake(source.path("notifiers", number, "name"), taken))
    return tuple(choices), mistakes


def _choose(entry: Any, number: int, stack: _Stack) -> tuple[NotifierChoice | None, list[Mistake]]:
    at = ("notifiers", number)
    if not isinstance(entry, Mapping):
        return None, [Mistake(stack.source.path(*at), f"{got(entry)}; takes an object, {_EXAMPLE}")]
    shared, mistakes = _shared(entry, at, stack)
    kind = entry.get("type")
    plugin = stack.plugins.get(kind) if isinstance(kind, str) else None
    if plugin is None:
        mistakes += _never_sent(shared, None, at, stack)
        return None, [*mistakes, Mistake(stack.source.path(*at, "type"), _no_such(kind, stack.plugins))]
    own = {key: value for key, value in entry.items() if key not in ("type", *EntrySettings.model_fields)}
    settings, wrong = _own_settings(plugin, own, at, stack)
    mistakes += [*_never_sent(shared, settings, at, stack), *wrong]
    if settings is None or shared is None or mistakes:
        return None, mistakes
    given = dict(shared)
    try:
        if shared.digest_after is None:
            given["digest_after"] = plugin.digest_after()
    except PluginError as error:
        return None, [Mistake(stack.source.path(*at, "type"), str(error))]
    return NotifierChoice(**given, plugin=plugin, settings=settings), []


def _no_such(kind: Any, types: Iterable[str]) -> str:
    available = ", ".join(sorted(types))
    if not isinstance(kind, str):
        return f"{'is missing' if kind is None else got(kind)}; takes one of {available}, for example email"
    hint = suggest(kind, types)
    return f"{got(kind)}, which is not a notifier{hint}{f' Available: {available}' if hint.endswith('?') else ''}"


def _shared(
    entry: Mapping[str, Any], at: tuple[str | int, ...], stack: _Stack
) -> tuple[EntrySettings | None, list[Mistake]]:
    given = {key: entry[key] for key in EntrySettings.model_fields if key in entry}
    try:
        shared = EntrySettings.model_validate(given)
    except ValidationError as error:
        return None, mistakes_from(error, EntrySettings, stack.source, *at)
    return shared, []


def _never_sent(
    shared: EntrySettings | None, settings: NotifierSettings | None, at: tuple[str | int, ...], stack: _Stack
) -> list[Mistake]:
    """Statuses that no message has. `settings`: of the notifier's type, or None if they are wrong."""
    # How far a running job is, is told to who can show it.
    shown = {Status.RUNNING} if settings is None or settings.shows_progress else set()
    statuses = shared.statuses if shared is not None and shared.statuses else ()
    return [
        Mistake(stack.source.path(*at, "statuses", number), f"{got(status)}, {_why_never(status, stack)}")
        for number, status in enumerate(statuses)
        if status not in stack.statuses and status not in shown
    ]


def _why_never(status: str, stack: _Stack) -> str:
    takes = f"takes one of {', '.join(stack.statuses)}"
    if asked := ASKED_BY.get(status):
        setting, example = asked
        return f"which needs {stack.source.path(setting)}, for example {flow_yaml(example)}; {takes}"
    return f"which the stack's rules never let through; {takes}"


def _own_settings(
    plugin: Plugin, own: Mapping[str, Any], at: tuple[str | int, ...], stack: _Stack
) -> tuple[NotifierSettings | None, list[Mistake]]:
    try:
        model: type[NotifierSettings] = plugin.infrastructure().Settings
    except PluginError as error:
        return None, [Mistake(stack.source.path(*at, "type"), str(error))]
    origin = STACK_CONFIG if stack.source.is_stack_config else None
    mistakes: list[Mistake] = []
    settings = None
    try:
        settings = model.model_validate(own, context=origin)
    except ValidationError as error:
        mistakes = mistakes_from(error, model, stack.source, *at, beside=("type", *EntrySettings.model_fields))
    except SystemExit:  # with exit code 0, Pulumi would delete the stack's resources
        mistakes = [Mistake(stack.source.path(*at, "type"), f"{plugin}: its Settings called sys.exit()")]
    for field, shape in secret_shapes(model).items():
        # Validated separately: a mistake in another setting must not hide a mistake in a secret.
        try:
            reference = SecretReference.model_validate(own.get(field), context=origin)
        except ValidationError:
            continue
        mistakes += _check_secret(reference, shape, (*at, field), stack)
    return settings, mistakes


def _check_secret(
    reference: SecretReference, shape: SecretShape | None, at: tuple[str | int, ...], stack: _Stack
) -> list[Mistake]:
    """Check the value's shape, if the value is known, and that the function can read the ARN. Show no value."""
    mistakes = []
    if stack.context is not None:
        for form, service in SecretReference.ARNS.items():
            arn = getattr(reference, form)
            try:
                check_arn(arn, service, region=stack.context.region)
            except ValueError as error:
                mistakes.append(Mistake(stack.source.path(*at, form), f"{got(arn)}; {error}"))
    if stack.secrets is None:
        return mistakes
    value = reference.value
    if reference.config is not None:
        value = stack.secrets.get(reference.config)
        if value is None:
            command = f"`pulumi config set --secret {shown_name(reference.config)}`"
            text = f"{got(reference.config)}, and the stack config has no such secret; run {command}, which asks for it"
            mistakes.append(Mistake(stack.source.path(*at, "config"), text))
    problem = shape.problem(value) if shape and isinstance(value, str) else None
    return [*mistakes, Mistake(stack.source.path(*at), problem)] if problem else mistakes


def secret_shapes(model: type[NotifierSettings]) -> Mapping[str, SecretShape | None]:
    """The fields of a notifier's settings that refer to secrets, each with the shape that the value must have."""
    hints = get_type_hints(model)
    return {
        name: next((mark for mark in field.metadata if isinstance(mark, SecretShape)), None)
        for name, field in model.model_fields.items()
        if hints[name] is SecretReference or SecretReference in get_args(hints[name])
    }
