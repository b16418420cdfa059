"""What the models of settings have in common: frozen, nothing unknown, and no input in an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi
from pydantic import AfterValidator, BaseModel, ConfigDict


class SettingsModel(BaseModel):
    """A part of the settings. What a field says of itself: see `expectation`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)


def plain_or_output(problem: Callable[[Any], str | None]) -> AfterValidator:
    """For a value that may be an Output: `problem(value)` says what is wrong with a plain one, or gives None."""

    def check(value: Any) -> Any:
        if not isinstance(value, pulumi.Output) and (wrong := problem(value)):
            raise ValueError(wrong)
        return value

    return AfterValidator(check)


def not_empty(value: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same list. Raises ValueError if there is nothing in it."""
    # Not min_length, which also counts an item that is wrong as one too few.
    if not value:
        raise ValueError("takes at least one item")
    return value
