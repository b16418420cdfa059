"""The stack's settings, validated and frozen. All mistakes are reported at once, each with its path.

The models are the one source of the keys: types, defaults, purpose and accepted values (see `field_description`).
`make docs` writes Pulumi.yaml's config block and docs/configuration.md from them. In stack config the keys are flat:
`environment_platform` is `Settings.environment.platform`, `function_timeout` is `Settings.function.timeout`. The models
of an entry of `notifiers` are in `notifiers`, and in each notifier's infrastructure.py.

If two settings depend on each other, the validator of the later field checks both (it sees the earlier ones in
pydantic's `ValidationInfo.data`, except wrong ones). So the mistake is reported together with all others, which a
validator of the whole model would not do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, ValidationInfo

from batchbell.provisioning import Context, check_arn
from batchbell.wire import LOG_LINES_LIMIT

from .arns import (
    LOG_GROUP_EXAMPLE,
    definition_problem,
    log_group_misplacement,
    log_group_problem,
    log_groups_problem,
    misplacement,
    queue_problem,
)
from .company import BoundaryArn, KeyArn, RolePath, Tags, boundary_problem, key_problem
from .environment import EnvironmentSettings
from .environment_checks import role_problem
from .function import FunctionSettings
from .mistakes import InvalidSettings, Mistake, Source, got, mistakes_from
from .notifiers import NOTIFIER_EXAMPLE, NotifierChoice, choose_notifiers
from .statuses import BLOCKED, PARENT_STATUSES, STATUSES, Status, check_has_event
from .time_zone import zone_problem
from .validation import SettingsModel, not_empty, plain_or_output
from .watch import ASKED_BY, EarlyFailuresSetting, OverdueSetting, StalledAfter, WatchEvery

QUEUE_EXAMPLE = "arn:aws:batch:us-east-1:123456789012:job-queue/nightly"
DEFINITION_EXAMPLE = "arn:aws:batch:us-east-1:123456789012:job-definition/nightly"
TOPIC_EXAMPLE = "arn:aws:sns:us-east-1:123456789012:on-call"


def _check_zone(name: str) -> str:
    if problem := zone_problem(name):
        raise ValueError(problem)
    return name


def _topic_problem(value: Any, region: str | None = None) -> str | None:
    """Why `value` is not the ARN of a topic for alarms, or None; "" is no topic.

    CloudWatch sends only to topics in its own region.
    """
    try:
        check_arn(None if value == "" else value, "sns", region=region)
    except ValueError as error:
        return str(error)
    return None


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


def _check_log_groups(arns: tuple[Any, ...]) -> tuple[Any, ...]:
    if problem := log_groups_problem(arns):
        raise ValueError(f"{got(arns)}; {problem}")
    return arns


class Settings(SettingsModel):
    """Everything that a stack can choose.

    The order matters: `statuses` depends on `single_jobs`, `job_queue_arns` on everything else that may be watched, and
    `stalled_after` on `watch_every`.
    """

    notifiers: Annotated[
        tuple[NotifierChoice, ...],
        Field(
            title="who gets messages: each entry has a type, a name, optional filters, and the type's own settings",
            description="a list of objects",
            examples=[[NOTIFIER_EXAMPLE]],
        ),
    ]
    single_jobs: Annotated[bool, Field(title="whether non-array jobs send messages too", examples=[True])] = False
    statuses: Annotated[
        tuple[Annotated[Status, BeforeValidator(check_has_event), AfterValidator(_check_status)], ...],
        AfterValidator(not_empty),
        Field(
            title="job states that send a message",
            description=f"a list of {', '.join(STATUSES)}",
            examples=[["FAILED"]],
        ),
    ] = ("SUCCEEDED", "FAILED")
    environment: Annotated[
        EnvironmentSettings | None, Field(title="Batch environment to create", examples=[{"name": "print-color"}])
    ] = None
    job_definition_arns: Annotated[
        tuple[Annotated[Any, plain_or_output(definition_problem)], ...],
        Field(
            title="job definitions to watch, in all revisions; with queues, both must match",
            description="a list of ARNs of job definitions",
            examples=[[DEFINITION_EXAMPLE]],
        ),
    ] = ()
    job_queue_arns: Annotated[
        tuple[Annotated[Any, plain_or_output(queue_problem)], ...],
        AfterValidator(_something_watched),
        Field(
            title="job queues to watch; one of them must match",
            description="a list of ARNs of job queues",
            examples=[[QUEUE_EXAMPLE]],
            validate_default=True,
        ),
    ] = ()
    queue_blocked: Annotated[
        bool, Field(title="whether a blocked job queue sends a message, one a day and reason", examples=[False])
    ] = True
    watch_every: WatchEvery = 0
    early_failures: EarlyFailuresSetting = None
    overdue_after: OverdueSetting = ()
    stalled_after: StalledAfter = 0
    time_zone: Annotated[
        str,
        AfterValidator(_check_zone),
        Field(
            title="time zone of the times in messages",
            description="a name from the IANA time zone database",
            examples=["Europe/Berlin"],
        ),
    ] = "UTC"
    owner_tag: Annotated[
        str,
        Field(
            pattern=r"^.{0,128}$",
            title="tag of jobs whose value says whom a job concerns, which messages show; '': none",
            description="the name of a tag, of at most 128 characters",
            examples=["owner"],
        ),
    ] = ""
    rerun_hint: Annotated[
        bool,
        Field(
            title="whether the message about a failed array job has the command that runs its failed children again",
            examples=[False],
        ),
    ] = True
    log_lines: Annotated[
        int,
        Field(
            strict=True,
            ge=0,
            le=LOG_LINES_LIMIT,
            title="last lines of a failed job's log in its message, for each of the three largest groups of failures; "
            "secrets of well-known shapes are blanked, which is no guarantee",
            examples=[10],
        ),
    ] = 0
    log_group_arns: Annotated[
        tuple[Annotated[Any, plain_or_output(log_group_problem)], ...],
        AfterValidator(_check_log_groups),
        Field(
            title="log groups of the stack's account that the function may read for log_lines, besides that of its own "
            "environment; none: /aws/batch/job",
            description="a list of ARNs of log groups",
            examples=[[LOG_GROUP_EXAMPLE]],
        ),
    ] = ()
    alarm_topic_arn: Annotated[
        Any,
        plain_or_output(_topic_problem),
        Field(
            title="topic in the stack's region that alarms are sent to; if it is encrypted, its key's policy must let "
            "cloudwatch.amazonaws.com use the key: under AWS's key alias/aws/sns alarms vanish; '': alarms show in "
            "the console only",
            description="the ARN of an SNS topic",
            examples=[TOPIC_EXAMPLE],
        ),
    ] = ""
    tags: Tags = {}  # noqa: RUF012
    permissions_boundary_arn: BoundaryArn = ""
    role_path: RolePath = "/"
    kms_key_arn: KeyArn = ""
    protect: Annotated[
        bool,
        Field(
            strict=True,
            title="whether Pulumi refuses to delete or replace the ledger and the queues until this is false again",
            examples=[True],
        ),
    ] = False
    function: Annotated[
        FunctionSettings, Field(title="Lambda function that sends messages", examples=[{"timeout": 60}])
    ] = FunctionSettings()


def check_settings(
    raw: Mapping[str, Any], *, secrets: Mapping[str, str] | None, context: Context | None, prefix: str = ""
) -> Settings:
    """Validate settings in their nested form.

    secrets: the stack config's secrets by name, or None if they are unknown, and so not checked
    context: where the stack is deployed, or None likewise
    prefix: the prefix of the keys of stack config, such as "batchbell:"; empty for a program's own settings

    Raises InvalidSettings with all mistakes.
    """
    source = Source(prefix)
    choices, mistakes = choose_notifiers(raw.get("notifiers", ()), _message_statuses(raw), secrets, context, source)
    settings = None
    try:
        settings = Settings.model_validate({**raw, "notifiers": choices})
    except ValidationError as error:
        mistakes += mistakes_from(error, Settings, source)
    if context is not None:
        mistakes += _misplaced(raw, context, source)
    if settings is None or mistakes:
        raise InvalidSettings(mistakes)
    return settings


def _message_statuses(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """The statuses that the stack's messages can have; all statuses if the stack's own are wrong."""
    statuses = raw.get("statuses", Settings.model_fields["statuses"].default)
    valid = isinstance(statuses, list | tuple) and statuses and all(status in STATUSES for status in statuses)
    of_jobs = tuple(statuses) if valid else STATUSES
    blocked = () if raw.get("queue_blocked") is False else (BLOCKED,)
    # A wrong setting counts: it is reported itself.
    return (*of_jobs, *blocked, *(status for status, (setting, _) in ASKED_BY.items() if raw.get(setting)))


def _misplaced(raw: Mapping[str, Any], context: Context, source: Source) -> list[Mistake]:
    """ARNs in another region or account: no rule for them would fire, and AWS refuses the others."""
    mistakes = []
    for key, problem, misplaced in (
        ("job_queue_arns", queue_problem, misplacement),
        ("job_definition_arns", definition_problem, misplacement),
        ("log_group_arns", log_group_problem, log_group_misplacement),
    ):
        arns = raw.get(key)
        for number, arn in enumerate(arns if isinstance(arns, list | tuple) else ()):
            if isinstance(arn, str) and problem(arn) is None and (why := misplaced(arn, context)):
                mistakes.append(Mistake(source.path(key, number), f"{got(arn)}, which is {why}"))
    environment = raw.get("environment")
    given = environment if isinstance(environment, Mapping) else {}
    for key in ("job_role_arn", "execution_role_arn"):
        role = given.get(key)
        if isinstance(role, str) and not role_problem(role) and (why := role_problem(role, context.account_id)):
            mistakes.append(Mistake(source.path("environment", key), f"{got(role)}; {why}"))
    for key, wrong in (
        ("alarm_topic_arn", lambda arn, here: _topic_problem(arn, here and here.region)),
        ("permissions_boundary_arn", boundary_problem),
        ("kms_key_arn", lambda arn, here: key_problem(arn, here and here.region)),
    ):
        arn = raw.get(key)
        if isinstance(arn, str) and not wrong(arn, None) and (why := wrong(arn, context)):
            mistakes.append(Mistake(source.path(key), f"{got(arn)}; {why}"))
    return mistakes
