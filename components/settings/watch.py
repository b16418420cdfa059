"""Settings of the sweeps: how often the function looks at arrays that run, and what it warns of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Protocol

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from batchbell.wire import Status

from .job_name_pattern import check_pattern
from .mistakes import got
from .validation import SettingsModel

DEFAULT_MINUTES = 5  # between two sweeps, if a stack asks for something that needs them
MOST_MINUTES = 15  # between two sweeps: a warning comes so much too late
LONGEST = 43_200  # minutes, 30 days: half as long as the ledger remembers what a sweep saw
LARGEST_ARRAY = 10_000  # children (AWS Batch User Guide, "Array jobs")
EARLY_EXAMPLE = {"percent": 20, "at_least": 5}
OVERDUE_EXAMPLE = {"jobs": "nightly-*", "minutes": 480}
STALLED_EXAMPLE = 60

# The setting that lets messages have a status, with an example.
ASKED_BY: Mapping[str, tuple[str, Any]] = {
    Status.EARLY: ("early_failures", EARLY_EXAMPLE),
    Status.OVERDUE: ("overdue_after", [OVERDUE_EXAMPLE]),
    Status.STALLED: ("stalled_after", STALLED_EXAMPLE),
}


class EarlyFailures(SettingsModel):
    """When an array that still runs has too many failures: both numbers must be reached."""

    percent: Annotated[
        int, Field(strict=True, ge=1, le=100, title="share of the finished children that failed", examples=[20])
    ]
    at_least: Annotated[
        int, Field(strict=True, ge=1, le=LARGEST_ARRAY, title="number of children that failed", examples=[5])
    ]


class OverdueAfter(SettingsModel):
    """How long the arrays whose names match may run."""

    jobs: Annotated[
        str,
        AfterValidator(check_pattern),
        Field(title="names of jobs", description="a job name pattern", examples=["nightly-*"]),
    ] = "*"
    minutes: Annotated[
        int,
        Field(strict=True, ge=1, le=LONGEST, title="how long they may run, in minutes", examples=[480]),
    ]


def _given(value: Any) -> Any:
    """Stack config cannot say null: an empty object stands for it."""
    return None if value == {} else value


def _check_order(limits: tuple[OverdueAfter, ...]) -> tuple[OverdueAfter, ...]:
    for number, limit in enumerate(limits):
        earlier = [one.jobs for one in limits[:number]]
        if "*" in earlier or limit.jobs in earlier:
            raise ValueError(
                f"{got(limit.jobs)} after {' and '.join(map(repr, earlier))}, and the first pattern that a job's name "
                "matches counts; takes each pattern once, '*' at the end"
            )
    return limits


def _not_shorter_than_a_sweep(minutes: int, info: ValidationInfo) -> int:
    between = info.data.get("watch_every")
    if between is not None and 0 < minutes < (between or DEFAULT_MINUTES):
        raise ValueError(
            f"{got(minutes)}, and the sweeps are {between or DEFAULT_MINUTES} minutes apart; takes no fewer minutes "
            f"than watch_every, for example {STALLED_EXAMPLE}"
        )
    return minutes


WatchEvery = Annotated[
    int,
    Field(
        strict=True,
        ge=0,
        le=MOST_MINUTES,
        title="minutes between two looks at the arrays that run; by itself it finds finished jobs whose event was "
        f"lost; 0: {DEFAULT_MINUTES} if another setting needs them, and none otherwise",
        description=f"0, or whole minutes from 1 to {MOST_MINUTES}",
        examples=[5],
    ),
]
EarlyFailuresSetting = Annotated[
    EarlyFailures | None,
    BeforeValidator(_given),
    Field(
        title="warns once of an array that still runs, when so many percent of its finished children failed, and at "
        "least so many; {}: never",
        description=f"an object of percent (1 to 100) and at_least (1 to {LARGEST_ARRAY:,} children)",
        examples=[EARLY_EXAMPLE],
    ),
]
OverdueSetting = Annotated[
    tuple[OverdueAfter, ...],
    AfterValidator(_check_order),
    Field(
        title="warns once of an array that runs longer; the first pattern that its name matches counts",
        description=f"a list of objects of jobs (a job name pattern; without it: all) and minutes (1 to {LONGEST:,})",
        examples=[[OVERDUE_EXAMPLE]],
    ),
]
StalledAfter = Annotated[
    int,
    AfterValidator(_not_shorter_than_a_sweep),
    Field(
        strict=True,
        ge=0,
        le=LONGEST,
        title="warns once of an array of which no child started or finished for so many minutes; 0: never",
        description=f"0, or whole minutes from watch_every to {LONGEST:,}",
        examples=[STALLED_EXAMPLE],
    ),
]


class WatchSettings(Protocol):
    """The four settings, as `settings.model.Settings` has them."""

    @property
    def watch_every(self) -> int: ...
    @property
    def early_failures(self) -> EarlyFailures | None: ...
    @property
    def overdue_after(self) -> Sequence[OverdueAfter]: ...
    @property
    def stalled_after(self) -> int: ...


def minutes_between_sweeps(settings: WatchSettings, *, progress: bool) -> int | None:
    """Return None if the stack asks for no sweeps.

    progress: whether a notifier gets live messages
    """
    warns = settings.early_failures or settings.overdue_after or settings.stalled_after
    return settings.watch_every or (DEFAULT_MINUTES if warns or progress else None)
