"""The stack's settings: validated, frozen, and every mistake at once with its path.

The models are the one source of the keys, their types, defaults and what they take (see `expectation`); what each is
for stands in Pulumi.yaml. In stack config the keys are flat: `environment_platform` is `Settings.environment.platform`,
`function_timeout` is `Settings.function.timeout`.

What depends on another setting is judged with the setting that comes later, which sees the earlier ones (pydantic's
`ValidationInfo.data`, without those that are wrong themselves): so it is told together with all other mistakes, which
a check of the finished model would not be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import pulumi
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo

from batchbell.provisioning import Context, check_arn

from .job_size import memory_problem, vcpus_problem
from .mistakes import Mistake, Source, describe, got
from .notifier_choice import NotifierChoice, choose_notifiers
from .time_zone import zone_problem
from .watched import (
    BLOCKED,
    PARENT_STATUSES,
    STATUSES,
    Status,
    definition_problem,
    misplacement,
    queue_problem,
)

Platform = Literal["EC2", "SPOT", "FARGATE", "FARGATE_SPOT"]

QUEUE_EXAMPLE = "arn:aws:batch:us-east-1:123456789012:job-queue/nightly"
DEFINITION_EXAMPLE = "arn:aws:batch:us-east-1:123456789012:job-definition/nightly"
POLICY_EXAMPLE = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
TOPIC_EXAMPLE = "arn:aws:sns:us-east-1:123456789012:on-call"
SUBNET_EXAMPLE = "subnet-0123456789abcdef0"


class InvalidSettings(pulumi.RunError):
    """Every mistake in the settings, one a line; Pulumi prints it without a traceback."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = mistakes
        head = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__("\n".join([f"{head} in the settings; nothing was created:", *(f"  {m}" for m in mistakes)]))


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)


def _plain_or_output(problem: Callable[[Any], str | None]) -> AfterValidator:
    """For a value that may be an Output: `problem(value)` says what is wrong with a plain one, or gives None."""

    def check(value: Any) -> Any:
        if not isinstance(value, pulumi.Output) and (wrong := problem(value)):
            raise ValueError(wrong)
        return value

    return AfterValidator(check)


def _not_empty(value: tuple[Any, ...]) -> tuple[Any, ...]:
    # Not min_length, which also counts an item that is wrong as one too few.
    if not value:
        raise ValueError("takes at least one item")
    return value


def _policy_problem(value: Any) -> str | None:
    if isinstance(value, str) and re.fullmatch(
        r"arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+", value
    ):
        return None
    return "takes the ARN of an IAM policy"


def _check_zone(name: str) -> str:
    if problem := zone_problem(name):
        raise ValueError(problem)
    return name


def _topic_problem(value: Any, region: str | None = None) -> str | None:
    """What is wrong with the ARN of the topic for alarms, or None; "" is no topic. CloudWatch knows those of its own
    region alone."""
    try:
        check_arn(None if value == "" else value, "sns", region=region)
    except ValueError as error:
        return str(error)
    return None


def _subnet_problem(value: Any) -> str | None:
    fits = isinstance(value, str) and re.fullmatch(r"subnet-[0-9a-f]+", value)
    return None if fits else "takes the id of a subnet"


def _instances_only(value: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
    if value and _on_fargate(info):
        raise ValueError(f"{got(value)}; takes nothing on Fargate: there are instances on EC2 and SPOT only")
    return value


def _starts_with_a_program(command: tuple[str, ...]) -> tuple[str, ...]:
    if command and not command[0].strip():
        raise ValueError("takes a list that begins with the program to run")
    return command


def _types_or_default(value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    return value if value == ("optimal",) else _instances_only(value, info)


def _on_fargate(info: ValidationInfo) -> bool:
    return str(info.data.get("platform")).startswith("FARGATE")


def _check_vcpus(vcpus: str, info: ValidationInfo) -> str:
    if "platform" in info.data and (problem := vcpus_problem(vcpus, fargate=_on_fargate(info))):
        raise ValueError(problem)
    return vcpus


def _check_memory(memory: int, info: ValidationInfo) -> int:
    vcpus = info.data.get("vcpus")
    if vcpus is not None and (problem := memory_problem(memory, vcpus, fargate=_on_fargate(info))):
        raise ValueError(problem)
    return memory


def _check_status(status: str, info: ValidationInfo) -> str:
    if status not in PARENT_STATUSES and info.data.get("single_jobs") is False:
        raise ValueError(
            f"{got(status)}, which no array job ever has as a whole; takes one of {', '.join(PARENT_STATUSES)}, "
            "or any with single_jobs: true"
        )
    return status


def _something_watched(queues: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
    elsewhere = [info.data.get(name, "wrong, but given") for name in ("environment", "job_definition_arns")]
    if not (queues or any(elsewhere)):
        raise ValueError(
            "nothing to watch; takes at least one job queue unless job_definition_arns or an environment with a name "
            f"is given, for example [{QUEUE_EXAMPLE}]"
        )
    return queues


class EnvironmentSettings(_Model):
    """A Batch environment to make. The order matters: sizes and instances are judged by the platform."""

    # A compute environment's name prefix is this and "-computing-", 102 characters at most (Pulumi AWS provider).
    name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,90}$",
            description="1 to 91 letters, digits, - and _",
            examples=["print-color"],
        ),
    ]
    platform: Annotated[Platform, Field(examples=["FARGATE"])] = "EC2"
    max_vcpus: Annotated[int, Field(ge=1, le=100_000, examples=[16])] = 16
    instance_types: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[a-z0-9.-]+$", description="an instance type or family")], ...],
        AfterValidator(_not_empty),
        AfterValidator(_types_or_default),
        Field(description="a list of instance types or families", examples=[["optimal"]]),
    ] = ("optimal",)
    subnet_ids: Annotated[
        tuple[Annotated[Any, _plain_or_output(_subnet_problem)], ...],
        Field(description="a list of ids of subnets", examples=[[SUBNET_EXAMPLE]]),
    ] = ()
    instance_policy_arns: Annotated[
        tuple[Annotated[Any, _plain_or_output(_policy_problem)], ...],
        AfterValidator(_instances_only),
        Field(description="a list of ARNs of IAM policies", examples=[[POLICY_EXAMPLE]]),
    ] = ()
    image: Annotated[str, Field(pattern=r"^\S+$", description="a container image", examples=["busybox"])] = "busybox"
    command: Annotated[
        tuple[Annotated[str, Field(description="a word of the command")], ...],
        AfterValidator(_starts_with_a_program),
        Field(description="a list of the command's words", examples=[["sh", "-c", "exit 0"]]),
    ] = ()
    vcpus: Annotated[
        str, AfterValidator(_check_vcpus), Field(description="a number of vCPUs, as text", examples=["1"])
    ] = ""
    memory: Annotated[int, AfterValidator(_check_memory), Field(ge=4, validate_default=True, examples=[2048])] = 512

    @property
    def is_fargate(self) -> bool:
        return self.platform.startswith("FARGATE")


class FunctionSettings(_Model):
    """The Lambda function, and the times that hang on it."""

    python_version: Annotated[Literal["3.11", "3.12", "3.13", "3.14"], Field(examples=["3.13"])] = "3.13"
    architecture: Annotated[Literal["arm64", "x86_64"], Field(examples=["arm64"])] = "arm64"
    timeout: Annotated[int, Field(ge=3, le=120, description="whole seconds from 3 to 120", examples=[30])] = 30
    log_retention_days: Annotated[
        Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], Field(examples=[30])
    ] = 30


class Settings(_Model):
    """Everything that a stack can choose. The order matters: statuses are judged by `single_jobs`, and the queues see
    whether anything else is watched."""

    notifiers: tuple[NotifierChoice, ...]
    single_jobs: Annotated[bool, Field(examples=[True])] = False
    statuses: Annotated[
        tuple[Annotated[Status, AfterValidator(_check_status)], ...],
        AfterValidator(_not_empty),
        Field(description=f"a list of {', '.join(STATUSES)}", examples=[["FAILED"]]),
    ] = ("SUCCEEDED", "FAILED")
    environment: Annotated[EnvironmentSettings | None, Field(examples=[{"name": "print-color"}])] = None
    job_definition_arns: Annotated[
        tuple[Annotated[Any, _plain_or_output(definition_problem)], ...],
        Field(description="a list of ARNs of job definitions", examples=[[DEFINITION_EXAMPLE]]),
    ] = ()
    job_queue_arns: Annotated[
        tuple[Annotated[Any, _plain_or_output(queue_problem)], ...],
        AfterValidator(_something_watched),
        Field(description="a list of ARNs of job queues", examples=[[QUEUE_EXAMPLE]], validate_default=True),
    ] = ()
    queue_blocked: Annotated[bool, Field(examples=[False])] = True
    time_zone: Annotated[
        str, AfterValidator(_check_zone), Field(description="a name of the IANA time zone database", examples=["UTC"])
    ] = "UTC"
    alarm_topic_arn: Annotated[
        Any, _plain_or_output(_topic_problem), Field(description="the ARN of an SNS topic", examples=[TOPIC_EXAMPLE])
    ] = ""
    function: Annotated[FunctionSettings, Field(examples=[{"timeout": 30}])] = FunctionSettings()


def check_settings(
    raw: Mapping[str, Any], *, secrets: Mapping[str, str] | None, context: Context | None, prefix: str = ""
) -> Settings:
    """Validate settings in their nested form.

    `secrets`: the stack config's secrets by name, or None where they are not at hand and so not checked; `context`:
    where the stack is deployed, or None likewise; `prefix`: stands before the keys of stack config, such as
    "batchbell:", and is empty for a program's own settings. Raises InvalidSettings with all mistakes.
    """
    source = Source(prefix)
    choices, mistakes = choose_notifiers(raw.get("notifiers", ()), _told(raw), secrets, context, source)
    settings = None
    try:
        settings = Settings.model_validate({**raw, "notifiers": choices})
    except ValidationError as error:
        mistakes += describe(error, Settings, source)
    if context is not None:
        mistakes += _misplaced(raw, context, source)
    if settings is None or mistakes:
        raise InvalidSettings(mistakes)
    return settings


def _told(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """The statuses that the stack's messages have, or all that there are where it gives no good ones."""
    statuses = raw.get("statuses", Settings.model_fields["statuses"].default)
    good = isinstance(statuses, list | tuple) and statuses and all(status in STATUSES for status in statuses)
    told = tuple(statuses) if good else STATUSES
    return told if raw.get("queue_blocked") is False else (*told, BLOCKED)


def _misplaced(raw: Mapping[str, Any], context: Context, source: Source) -> list[Mistake]:
    """ARNs of another region or account: a rule for them would never fire, and no alarm reaches a topic there."""
    mistakes = []
    for key, problem in (("job_queue_arns", queue_problem), ("job_definition_arns", definition_problem)):
        arns = raw.get(key)
        for number, arn in enumerate(arns if isinstance(arns, list | tuple) else ()):
            if isinstance(arn, str) and problem(arn) is None and (why := misplacement(arn, context)):
                mistakes.append(Mistake(source.path(key, number), f"{got(arn)}, which is {why}"))
    topic = raw.get("alarm_topic_arn")
    if isinstance(topic, str) and not _topic_problem(topic) and (why := _topic_problem(topic, context.region)):
        mistakes.append(Mistake(source.path("alarm_topic_arn"), f"{got(topic)}; {why}"))
    return mistakes
