"""Says what is wrong with a setting: its path, what it got, what it takes, an example."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

SHOWN_VALUE = 60  # characters

# The groups of settings that are flat keys in stack config: environment.platform is environment_platform.
FLAT = ("environment", "function")


@dataclass(frozen=True)
class Mistake:
    """One mistake: where, and what to do."""

    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.text}"


def describe(error: ValidationError, model: type[BaseModel], prefix: str) -> list[Mistake]:
    """pydantic's errors in our words. Values that may be secret are not shown."""
    return [_mistake(dict(detail), model, prefix) for detail in error.errors()]


def _mistake(detail: dict[str, Any], model: type[BaseModel], prefix: str) -> Mistake:
    location = detail["loc"]
    path = path_of(location, prefix)
    kind = detail["type"]
    if kind == "value_error":
        return Mistake(path, str(detail["ctx"]["error"]))
    if kind == "extra_forbidden":
        return Mistake(path, f"no such setting{nearest(str(location[-1]), fields_at(model, location[:-1]))}")
    if kind == "missing":
        return Mistake(path, f"is missing; it takes {_takes(model, location)}")
    return Mistake(path, f"{_got(detail['input'])}{detail['msg'].lower()}; it takes {_takes(model, location)}")


def path_of(location: Iterable[str | int], prefix: str) -> str:
    """("environment", "platform") → "batchbell:environment_platform"; ("notifiers", 0) → "batchbell:notifiers[0]"."""
    path = ""
    for number, part in enumerate(location):
        if isinstance(part, int):
            path += f"[{part}]"
        elif number == 1 and path in FLAT:
            path += f"_{part}"
        else:
            path += f".{part}" if path else part
    return f"{prefix}{path}" if path else prefix.rstrip(":") or "settings"


def nearest(name: str, names: Iterable[str]) -> str:
    """ "; did you mean …?" or the names that there are."""
    known = sorted(names)
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(known)}"


def fields_at(model: type[BaseModel], location: Iterable[str | int]) -> list[str]:
    """The names that the model at that place takes; those of a flat group with their prefix."""
    group = next((part for part in location if isinstance(part, str)), None)
    field = model.model_fields.get(group) if group else None
    for candidate in (field.annotation, *get_args(field.annotation)) if field else ():
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return list(candidate.model_fields)
    return list(model.model_fields)


def _takes(model: type[BaseModel], location: tuple[str | int, ...]) -> str:
    names = [part for part in location if isinstance(part, str)]
    here: type[BaseModel] | None = model
    text = ""
    for name in names:
        field = here.model_fields.get(name) if here else None
        if field is None:
            break
        choices = [value for value in get_args(field.annotation) if isinstance(value, str | int)]
        text = field.description or text
        if choices:
            text += f": one of {', '.join(map(str, choices))}"
        example = (field.examples or [None])[0]
        text += f"; for example {example}" if example is not None else ""
        here = next(
            (
                candidate
                for candidate in (field.annotation, *get_args(field.annotation))
                if isinstance(candidate, type) and issubclass(candidate, BaseModel)
            ),
            None,
        )
    return text or "another value"


def _got(value: Any) -> str:
    """What was given, unless it may be a secret or is too long to help."""
    if isinstance(value, str | int | float | bool) and len(str(value)) <= SHOWN_VALUE and "://" not in str(value):
        return f"got {value!r}: "
    return f"got a {type(value).__name__}: "
