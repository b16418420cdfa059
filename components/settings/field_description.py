"""Describes what a setting takes, in words and with an example, from the fields of the models.

A field's `title` says what it is for ("the sender of the mail"; Pulumi.yaml and docs/configuration.md show it), its
`description` what it takes ("an e-mail address"), and the first of its `examples` is shown. No description is needed
where the type says enough (a choice, a number with bounds, a list). Items of lists may have a description and examples
too: `tuple[Annotated[str, Field(description=…, examples=[…])], …]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from batchbell.provisioning import FORMS, SecretReference

_PLAIN = {str: "a string", bool: "true or false", int: "a whole number", float: "a number"}


@dataclass(frozen=True)
class FieldDescription:
    """What a setting takes."""

    takes: str | None = None  # in words; None if neither the type nor the description says it
    example: Any = None
    names: tuple[str, ...] = ()  # names of the settings in it, if it is an object
    is_list_of_outputs: bool = False  # a list whose items may be Outputs
    is_in_secret: bool = False  # part of a reference to a secret, where people paste the secret itself

    def __str__(self) -> str:
        return f"takes {self.takes or 'another value'}{self.for_example}"

    @property
    def for_example(self) -> str:
        return "" if self.example is None else f", for example {flow_yaml(self.example)}"


def describe_field(model: type[BaseModel], location: Iterable[str | int]) -> FieldDescription:
    """Describe the setting of `model` at `location`, such as ("recipients", 0). Unknown settings take nothing."""
    here = FieldDescription("an object", names=_names(model))
    annotation: Any = model
    for part in location:
        field = _item(annotation) if isinstance(part, int) else _field(annotation, part)
        if field is None:
            return FieldDescription()
        example = next(iter(field.examples or ()), None)
        if example is None and isinstance(part, int) and isinstance(here.example, list | tuple):
            example = next(iter(here.example), None)
        is_in_secret = _model(annotation) is SecretReference
        annotation = field.annotation
        here = FieldDescription(
            _words(field), example, _names(_model(annotation)), _takes_outputs(annotation), is_in_secret
        )
    return here


def flow_yaml(value: Any) -> str:
    """Format a plain value as it is written in stack config: [FAILED], {config: slackWebhook}, true."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flow_yaml, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {flow_yaml(inner)}" for key, inner in value.items()) + "}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _words(field: FieldInfo) -> str | None:
    annotation = without_none(field.annotation)
    if get_origin(annotation) is Literal:
        return f"one of {', '.join(map(str, get_args(annotation)))}"
    if field.description:
        return field.description
    if annotation is SecretReference:
        return f"one of {FORMS}"
    if _model(annotation) is not None:
        return "an object"
    if get_origin(annotation) in (tuple, list):
        return "a list"
    words = _PLAIN.get(annotation)
    return words and words + _bounds(field)


def _bounds(field: FieldInfo) -> str:
    least = next((mark.ge for mark in field.metadata if hasattr(mark, "ge")), None)
    most = next((mark.le for mark in field.metadata if hasattr(mark, "le")), None)
    if least is not None and most is not None:
        return f" from {least} to {most}"
    return f" of at least {least}" if least is not None else f" of at most {most}" if most is not None else ""


def _field(annotation: Any, name: str) -> FieldInfo | None:
    model = _model(annotation)
    return model.model_fields.get(name) if model else None


def _item(annotation: Any) -> FieldInfo | None:
    annotation = without_none(annotation)
    if get_origin(annotation) not in (tuple, list):
        return None
    return FieldInfo.from_annotation(get_args(annotation)[0])


def _takes_outputs(annotation: Any) -> bool:
    item = _item(annotation)
    return item is not None and item.annotation is Any


def _model(annotation: Any) -> type[BaseModel] | None:
    annotation = without_none(annotation)
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _names(model: type[BaseModel] | None) -> tuple[str, ...]:
    # Fields that are never dumped are not advertised either: `SecretReference.value`.
    return tuple(name for name, field in model.model_fields.items() if not field.exclude) if model else ()


def without_none(annotation: Any) -> Any:
    """Return the annotation of the values besides None."""
    given = [one for one in get_args(annotation) if one is not NoneType]
    return given[0] if len(given) == 1 and NoneType in get_args(annotation) else annotation
