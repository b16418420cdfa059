"""Reports mistakes in settings, one a line: "PATH: got X; takes Y, for example Z"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import pulumi
from pydantic import BaseModel, ValidationError

from .field_description import FieldDescription, describe_field

SHOWN_TEXT = 30  # characters; most names and addresses are shorter, tokens and keys are longer
MISSPELLING = 0.8  # ratio of equal characters: two letters of "email" swapped
PART_LENGTH = 4  # characters; shorter parts are in too many names
SHOWN_ARN = 200  # characters; an ARN is a name, not a secret

# Groups of settings whose keys are flat in stack config: environment.platform is environment_platform.
FLATTENED = ("environment", "function")

_SEPARATORS = str.maketrans("", "", "-_ .")


@dataclass(frozen=True)
class Mistake:
    """One mistake: where it is, and what to do."""

    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.text}"


class InvalidSettings(pulumi.RunError):
    """All mistakes in the settings, one a line. Pulumi prints it without a traceback."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = mistakes
        head = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__("\n".join([f"{head} in the settings; nothing was changed:", *(f"  {m}" for m in mistakes)]))


@dataclass(frozen=True)
class Source:
    """Where settings are written.

    `prefix`: the prefix of each key of stack config, such as "batchbell:"; empty for settings from a Pulumi program.
    """

    prefix: str = ""

    @property
    def is_stack_config(self) -> bool:
        return bool(self.prefix)

    def path(self, *location: str | int) -> str:
        """The setting's path as its author wrote it.

        ("environment", "platform") is environment.platform in a program and batchbell:environment_platform in stack
        config; ("notifiers", 0) is notifiers[0].
        """
        path = ""
        for number, part in enumerate(location):
            if isinstance(part, int):
                path += f"[{part}]"
            elif self.is_stack_config and number == 1 and location[0] in FLATTENED:
                path += f"_{shown_name(part)}"
            else:
                path += f".{shown_name(part)}" if path else shown_name(part)
        return self.prefix + path


def mistakes_from(
    error: ValidationError, model: type[BaseModel], source: Source, *at: str | int, beside: Iterable[str] = ()
) -> list[Mistake]:
    """Translate pydantic's errors.

    at: the model's location in the settings, such as "notifiers", 0
    beside: names of other settings that are allowed there
    """
    return [
        Mistake(source.path(*at, *detail["loc"]), _text(dict(detail), model, beside))
        for detail in error.errors(include_url=False)
    ]


def _text(detail: Mapping[str, Any], model: type[BaseModel], beside: Iterable[str]) -> str:
    location, kind = detail["loc"], detail["type"]
    if kind in ("extra_forbidden", "invalid_key"):
        names = describe_field(model, location[:-1]).names
        return f"no such setting{suggest(str(location[-1]), [*names, *(beside if len(location) == 1 else ())])}"
    expected = describe_field(model, location)
    if kind == "missing":
        return f"is missing; {expected}"
    value = detail["input"]
    if expected.is_in_secret and not (isinstance(value, str) and value.startswith("arn:")):
        value = _Hidden()
    if kind in ("value_error", "assertion_error"):
        return _validator_text(str(detail["ctx"]["error"]), value, expected)
    if isinstance(value, pulumi.Output) and expected.is_list_of_outputs:
        return f"{got(value)}; takes a list whose items may be Outputs{expected.for_example}"
    if isinstance(value, pulumi.Output):
        return f"{got(value)}, which is not known before anything is created; {expected}"
    if expected.takes is None:
        return f"{got(value)}; {detail['msg']}"
    return f"{got(value)}; {expected}"


class _Hidden:
    """Replaces a value that must not be shown."""


def _validator_text(text: str, value: Any, expected: FieldDescription) -> str:
    """A validator's own text. If it begins with "takes", the value and an example are added."""
    if not text.startswith("takes "):
        return text
    return f"{got(value)}; {text}" + ("" if "for example" in text else expected.for_example)


def suggest(name: str, names: Iterable[str]) -> str:
    """ "; did you mean …?", or a list of all names."""
    known = sorted(names)
    if close := nearest(name, known):
        return f"; did you mean {close}?"
    return f"; available: {', '.join(known)}" if known else ""


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` that `name` is a misspelling, another spelling or a part of, or None.

    A name that only resembles it would mislead: sms and sns, function_memory and function_timeout.
    """
    spelled = {_letters(known): known for known in names}
    letters = _letters(name)
    containing = [known for known in spelled if letters in known] if len(letters) >= PART_LENGTH else []
    close = get_close_matches(letters, spelled, n=1, cutoff=MISSPELLING)
    if letters in spelled or len(containing) != 1:
        return spelled[close[0]] if close else None
    return spelled[containing[0]]


def _letters(name: str) -> str:
    return name.lower().translate(_SEPARATORS)


def got(value: Any) -> str:
    """Show a value ("got 'DONE'"), or only its kind if it may be a secret. Every message shows values through this."""
    return f"got {_shown(value)}"


def shown_name(name: Any) -> str:
    """A user's name for something, or "…" if it may be a secret."""
    text = str(name)
    return text if _is_harmless(text) and text.isprintable() else "…"


def _shown(value: Any) -> str:
    if isinstance(value, pulumi.Output):
        return "an Output"
    if isinstance(value, _Hidden):
        return "a value that is not shown"
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return repr(value) if _is_harmless(value) else f"a string of {len(value)} characters"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value) if _is_harmless(str(value)) else "a long number"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, Mapping):
        return "an object"
    return f"a value of the type {type(value).__name__}"


def _is_harmless(text: str) -> bool:
    return "://" not in text and len(text) <= (SHOWN_ARN if text.startswith("arn:") else SHOWN_TEXT)
