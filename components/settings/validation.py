"""The base of the settings' models, and validators that they share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pulumi
from pydantic import AfterValidator, BaseModel, ConfigDict

# Periods that CloudWatch Logs takes (API reference, PutRetentionPolicy), up to two years.
RetentionDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731]


class SettingsModel(BaseModel):
    """A group of settings: frozen, no unknown keys, no input in errors. Its fields' texts: see `field_description`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)


def plain_or_output(problem: Callable[[Any], str | None]) -> AfterValidator:
    """Validate a value that may be an Output. `problem(value)` says what is wrong with a plain one, or returns None."""

    def check(value: Any) -> Any:
        if not isinstance(value, pulumi.Output) and (wrong := problem(value)):
            raise ValueError(wrong)
        return value

    return AfterValidator(check)


def not_empty(value: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the same list. Raises ValueError if it is empty."""
    # Not min_length: it does not count wrong items, so that a list with one wrong item would be too short as well.
    if not value:
        raise ValueError("takes at least one item")
    return value


def at_most(limit: int) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """Return a validator that raises ValueError if a list has more items."""

    def check(value: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(value) > limit:
            raise ValueError(f"takes at most {limit} items")
        return value

    return check
