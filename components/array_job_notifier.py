"""ArrayJobNotifier: the component that programs import. It sends one message per array job to the chosen channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pulumi

from batchbell.partitions import Feature, offers
from batchbell.provisioning import Context
from batchbell.wire import DEFAULT_LOG_GROUP

from .alarms import DeliveryAlarms
from .batch_environment import BatchEnvironment
from .delivery import Delivery
from .deployment_context import find_deployment_context, with_company_settings
from .event_rules import Watched, batch_event_rule
from .granted_notifier import grant
from .message_settings import MessageSettings
from .package.bundle import Runtime, build, has_compiled_files
from .queue_rule import QueueRule
from .settings.model import Settings, check_settings
from .settings.stack_config import stack_secrets
from .settings.watch import minutes_between_sweeps
from .sweeps import statuses_of_events, statuses_of_messages, sweep_schedule, watch_of

# What a stack does without where AWS does not offer a feature.
_WITHOUT = {
    Feature.RECURSION_SETTING: "the function has no recursion setting",
    Feature.MAPPING_TAGS: "the event source mappings have no tags",
    Feature.MOVE_TASKS: "`batchbell redrive` cannot move dead letters (docs/operations.md says what can)",
}


@dataclass(frozen=True)
class ArrayJobNotifierArgs:
    """What to watch and whom to notify. Names, types and filters are plain; ARNs and secrets may be Outputs.

    notifiers: a list of {"type", "name", "statuses", "jobs", "digest_after", …the type's own settings}; a secret is
        {"config": NAME}, {"ssm": ARN}, {"secretsmanager": ARN} or a secret Output
    job_queue_arns, job_definition_arns: what to watch; if both are given, both must match
    statuses: job states that send a message
    single_jobs: whether jobs that are not array jobs send messages too
    queue_blocked: whether a watched job queue that is blocked sends a message, one a day and reason
    watch_every: minutes between two looks at the arrays that run; 0: 5 if anything needs them, and none otherwise
    early_failures: {"percent", "at_least"} of an array's finished children that failed, which send a warning
    overdue_after: a list of {"jobs", "minutes"}: how long arrays may run before a warning; the first pattern counts
    stalled_after: minutes without a child that started or finished before a warning; 0: never
    time_zone: IANA name of the time zone of the times in messages
    owner_tag: the tag of jobs that says whom they concern
    rerun_hint: whether the message about a failed array has the command that runs its failed children again
    log_lines: lines of a failed log's end in the message; 0 for none
    log_group_arns: log groups that the function may read for that; none: AWS Batch's own
    environment: a Batch environment to create (see `settings.environment.EnvironmentSettings`)
    function: settings of the Lambda function (see `settings.function.FunctionSettings`)
    alarm_topic_arn: the SNS topic that CloudWatch's alarms are sent to; if it is encrypted, its key's policy must allow
        cloudwatch.amazonaws.com to use the key
    tags: of everything that is created
    permissions_boundary_arn, role_path: of every role
    kms_key_arn: the key that encrypts queues, ledger, the function's log and environment; its policy must allow what
        docs/operations.md lists under "A key of your own"
    protect: whether Pulumi refuses to delete the ledger and the queues
    """

    notifiers: Sequence[Mapping[str, Any]]
    job_queue_arns: Sequence[pulumi.Input[str]] = ()
    job_definition_arns: Sequence[pulumi.Input[str]] = ()
    statuses: Sequence[str] = ("SUCCEEDED", "FAILED")
    single_jobs: bool = False
    queue_blocked: bool = True
    watch_every: int = 0
    early_failures: Mapping[str, int] | None = None
    overdue_after: Sequence[Mapping[str, Any]] = ()
    stalled_after: int = 0
    time_zone: str = "UTC"
    owner_tag: str = ""
    rerun_hint: bool = True
    log_lines: int = 0
    log_group_arns: Sequence[pulumi.Input[str]] = ()
    environment: Mapping[str, Any] | None = None
    function: Mapping[str, Any] = field(default_factory=dict)
    alarm_topic_arn: pulumi.Input[str] = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    permissions_boundary_arn: pulumi.Input[str] = ""
    role_path: str = "/"
    kms_key_arn: pulumi.Input[str] = ""
    protect: bool = False


class ArrayJobNotifier(pulumi.ComponentResource):
    """Sends one message when a whole AWS Batch array job has finished.

    `args`: what a program writes, or settings that are already validated. Raises InvalidSettings, with every mistake,
    before anything is created.
    """

    intake_queue_url: pulumi.Output[str]
    retry_queue_url: pulumi.Output[str]
    dead_letter_queue_url: pulumi.Output[str]
    function_name: pulumi.Output[str]
    rule_arn: pulumi.Output[str]
    environment: BatchEnvironment | None

    def __init__(
        self, name: str, args: ArrayJobNotifierArgs | Settings, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("batchbell:index:ArrayJobNotifier", name, None, opts)
        context = find_deployment_context(name, pulumi.InvokeOptions(parent=self))
        settings = args if isinstance(args, Settings) else _checked(args, context)
        context = with_company_settings(context, settings)
        child = pulumi.ResourceOptions(parent=self)
        self._log_what_is_left_out(context)
        # First of all: a package that cannot be built ends the deployment before anything is created.
        bundle = self._bundle(settings)

        self.environment = None
        log_groups = list(settings.log_group_arns or [context.arn("logs", f"log-group:{DEFAULT_LOG_GROUP}")])
        queue_arns = list(settings.job_queue_arns)
        if settings.environment is not None:
            self.environment = BatchEnvironment(f"{name}-batch", settings.environment, context, child)
            queue_arns.append(self.environment.queue_arn)
            log_groups.append(self.environment.log_group_arn)
        watched = Watched(queue_arns, settings.job_definition_arns)
        granted = [grant(name, choice, context, child) for choice in settings.notifiers]
        progress = any(one.grants.progress for one in granted)
        events = statuses_of_events(settings, progress=progress)
        rules: dict[str, QueueRule] = {
            "finished": batch_event_rule(
                f"{name}-finished",
                context,
                watched,
                statuses=events,
                single_jobs=settings.single_jobs,
                queue_blocked=settings.queue_blocked,
                opts=child,
            )
        }
        minutes = minutes_between_sweeps(settings, progress=progress)
        if minutes is not None:
            rules["sweep"] = sweep_schedule(f"{name}-sweep", context, minutes, child)
        delivery = Delivery(
            name,
            settings.function,
            context,
            rule_arns=[one.arn for one in rules.values()],
            notifiers=granted,
            messages=MessageSettings(
                settings.time_zone,
                settings.owner_tag,
                settings.log_lines,
                settings.rerun_hint,
                log_groups,
                statuses_of_messages(settings, events),
            ),
            watch=None if minutes is None else watch_of(settings, watched, events),
            bundle=bundle,
            protect=settings.protect,
            opts=child,
        )
        DeliveryAlarms(
            name,
            context,
            intake=delivery.intake,
            retry=delivery.retry,
            dead_letters=delivery.dead_letters,
            function=delivery.function,
            timeout=settings.function.timeout,
            rules={purpose: one.name for purpose, one in rules.items()},
            topic_arn=settings.alarm_topic_arn or None,
            opts=child,
        )
        for one in rules.values():
            one.send_to(delivery.intake, delivery.dead_letters, after=delivery.policies)

        self.intake_queue_url = delivery.intake.url
        self.retry_queue_url = delivery.retry.url
        self.dead_letter_queue_url = delivery.dead_letters.url
        self.function_name = delivery.function.name
        self.rule_arn = rules["finished"].arn
        self.outputs: dict[str, pulumi.Input[Any]] = {
            "intake_queue_url": self.intake_queue_url,
            "retry_queue_url": self.retry_queue_url,
            "dead_letter_queue_url": self.dead_letter_queue_url,
            "function_name": self.function_name,
            "rule_arn": self.rule_arn,
            "ledger_table_name": delivery.ledger.name,
            "notifiers": {one.choice.name: dict(one.grants.outputs) for one in granted},
        }
        if self.environment is not None:
            self.outputs |= {
                "job_queue_name": self.environment.queue_name,
                "job_definition_name": self.environment.definition_name,
                "compute_environment_name": self.environment.compute_environment_name,
            }
        self.register_outputs(self.outputs)

    def _log_what_is_left_out(self, context: Context) -> None:
        left_out = [text for what, text in _WITHOUT.items() if not offers(context.partition, context.region, what)]
        if left_out:
            pulumi.log.info(f"AWS does not offer everything in {context.region}: {'; '.join(left_out)}", self)

    def _bundle(self, settings: Settings) -> Path:
        runtime = Runtime(settings.function.python_version, settings.function.architecture)
        if not has_compiled_files(runtime):
            pulumi.log.info(
                f"the function's package has no compiled files, since this is not Python {runtime.python}: "
                "a cold start takes about 0.3 s longer",
                self,
            )
        return build([choice.plugin for choice in settings.notifiers], runtime)


def _checked(args: ArrayJobNotifierArgs, context: Context) -> Settings:
    # A program writes None for "not chosen"; everything else is checked in one place.
    given = {one.name: getattr(args, one.name) for one in fields(args) if getattr(args, one.name) is not None}
    lists = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
    return check_settings(lists, secrets=stack_secrets(), context=context)
