"""The stack's settings: validated, frozen, and every mistake at once with its config path.

The models are the one source of the keys, their types, defaults and descriptions. In stack config the keys are flat:
`environment_platform` is `Settings.environment.platform`, `function_timeout` is `Settings.function.timeout`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import pulumi
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from batchbell.provisioning import Context

from .mistakes import Mistake, describe
from .notifier_choice import NotifierChoice, choose_notifiers
from .watched import definition_problem, queue_problem

Status = Literal["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"]
Platform = Literal["EC2", "SPOT", "FARGATE", "FARGATE_SPOT"]


class InvalidSettings(pulumi.RunError):
    """Every mistake in the settings, one a line; Pulumi prints it without a traceback."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = mistakes
        head = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__("\n".join([f"{head} in the settings; nothing was created:", *(f"  {m}" for m in mistakes)]))


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)


def _plain_or_output(problem: Any) -> AfterValidator:
    """For a value that may be an Output: `problem(value)` says what is wrong with a plain one, or gives None."""

    def check(value: Any) -> Any:
        if not isinstance(value, pulumi.Output) and (wrong := problem(value)):
            raise ValueError(wrong)
        return value

    return AfterValidator(check)


def _not_empty(value: tuple[Any, ...]) -> tuple[Any, ...]:
    # Not min_length, which also counts an item that is wrong as one too few.
    if not value:
        raise ValueError("is empty: takes at least one")
    return value


def _policy_problem(value: Any) -> str | None:
    if isinstance(value, str) and re.fullmatch(r"arn:aws[a-z-]*:iam::(\d{12}|aws):policy/.+", value):
        return None
    return "takes ARNs of IAM policies, for example arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


class EnvironmentSettings(_Model):
    """A Batch environment to make."""

    name: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$", description="1 to 100 letters, digits, - and _")
    ]
    platform: Annotated[Platform, Field(description="where the jobs run")] = "EC2"
    max_vcpus: Annotated[int, Field(ge=1, le=100_000, description="the most vCPUs at the same time")] = 16
    instance_types: Annotated[
        tuple[str, ...], AfterValidator(_not_empty), Field(description="instance types or families; EC2 and SPOT only")
    ] = ("optimal",)
    subnet_ids: Annotated[
        tuple[Annotated[Any, Field()], ...], Field(description="subnets to run in; none: the default VPC's")
    ] = ()
    instance_policy_arns: Annotated[
        tuple[Annotated[Any, _plain_or_output(_policy_problem)], ...],
        Field(description="more policies for the role of the instances; EC2 and SPOT only"),
    ] = ()
    image: Annotated[str, Field(min_length=1, description="the job definition's container image")] = "busybox"
    command: Annotated[tuple[str, ...], Field(description="its command; none: the image's own")] = ()
    vcpus: Annotated[
        str, Field(pattern=r"^(\d+(\.\d+)?)?$", description="vCPUs a job; '': 1 on EC2, 0.25 on Fargate")
    ] = ""
    memory: Annotated[int, Field(ge=4, description="memory a job, MiB")] = 512

    @property
    def is_fargate(self) -> bool:
        return self.platform.startswith("FARGATE")

    @field_validator("subnet_ids")
    @classmethod
    def _subnets(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        for subnet in value:
            if not isinstance(subnet, pulumi.Output) and not re.fullmatch(r"subnet-[0-9a-f]+", str(subnet)):
                raise ValueError("takes ids of subnets, for example subnet-0123456789abcdef0")
        return value

    @model_validator(mode="after")
    def _instances_only(self) -> Self:
        if self.is_fargate and (self.instance_policy_arns or self.instance_types != ("optimal",)):
            raise ValueError("instance_types and instance_policy_arns go with the platforms EC2 and SPOT only")
        return self


class FunctionSettings(_Model):
    """The Lambda function, and the times that hang on it."""

    python_version: Annotated[
        Literal["3.11", "3.12", "3.13", "3.14"], Field(description="the Lambda runtime's Python, never this machine's")
    ] = "3.13"
    architecture: Annotated[Literal["arm64", "x86_64"], Field(description="the function's processor")] = "arm64"
    timeout: Annotated[
        int, Field(ge=3, le=120, description="seconds; visibility timeouts and retry delays scale with it")
    ] = 30
    log_retention_days: Annotated[
        Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731],
        Field(description="how long the function's log is kept"),
    ] = 30


class Settings(_Model):
    """Everything that a stack can choose."""

    notifiers: Annotated[tuple[NotifierChoice, ...], Field(description="who is told: a list of {type, name, …}")]
    statuses: Annotated[
        tuple[Status, ...], AfterValidator(_not_empty), Field(description="which states of a job are told")
    ] = (
        "SUCCEEDED",
        "FAILED",
    )
    single_jobs: Annotated[bool, Field(description="jobs that are no array are told too")] = False
    job_queue_arns: Annotated[
        tuple[Annotated[Any, _plain_or_output(queue_problem)], ...],
        Field(description="job queues to watch: any of them"),
    ] = ()
    job_definition_arns: Annotated[
        tuple[Annotated[Any, _plain_or_output(definition_problem)], ...],
        Field(description="job definitions to watch, in any revision; with queues, both must match"),
    ] = ()
    environment: EnvironmentSettings | None = None
    function: FunctionSettings = FunctionSettings()

    @model_validator(mode="after")
    def _something_watched(self) -> Self:
        if not (self.job_queue_arns or self.job_definition_arns or self.environment):
            raise ValueError(
                "nothing to watch: give job_queue_arns or job_definition_arns, or an environment_name to make a queue"
            )
        return self


def check_settings(
    raw: Mapping[str, Any], *, secrets: Mapping[str, str] | None, context: Context | None, prefix: str = ""
) -> Settings:
    """Validate settings in their nested form.

    `secrets`: the stack config's secrets by name, or None where they are not at hand and so not checked; `context`:
    where the stack is deployed, or None likewise; `prefix`: stands before each path in an error, such as "batchbell:".
    Raises InvalidSettings with all mistakes.
    """
    choices, mistakes = choose_notifiers(raw.get("notifiers", ()), secrets, prefix)
    settings = None
    try:
        settings = Settings.model_validate({**raw, "notifiers": choices})
    except ValidationError as error:
        mistakes += describe(error, Settings, prefix)
    if context is not None:
        mistakes += _misplaced(raw, context, prefix)
    if settings is None or mistakes:
        raise InvalidSettings(mistakes)
    return settings


def _misplaced(raw: Mapping[str, Any], context: Context, prefix: str) -> list[Mistake]:
    """ARNs of another region or account: a rule for them would never fire."""
    mistakes = []
    for key in ("job_queue_arns", "job_definition_arns"):
        arns = raw.get(key)
        for number, arn in enumerate(arns if isinstance(arns, list | tuple) else ()):
            here = f":batch:{context.region}:{context.account_id}:"
            if isinstance(arn, str) and arn.startswith("arn:") and here not in arn:
                mistakes.append(
                    Mistake(
                        f"{prefix}{key}[{number}]",
                        f"got {arn!r}, which is not in this stack's region {context.region} and account "
                        f"{context.account_id}; its events never come here",
                    )
                )
    return mistakes
