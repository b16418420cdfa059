"""DeliveryAlarms: what wakes somebody, and what each one says at 3 a.m."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from batchbell.provisioning import Context, check_arn, check_when_known

METRICS = "batchbell"  # the namespace that the function writes to
OLDEST = 1_800  # s that a message may go undelivered; less with a function that gives up sooner
OLDEST_TIMEOUTS = 60  # the same in the function's timeouts: an eighth of the time that a message is retried
# Tickets come back at most 15 minutes apart, and their age is told only then: a shorter period would miss some.
OLDEST_PERIOD = 1_200  # s
BACKLOG = 900  # s that an event may wait for the function
# A ticket waits up to 15 minutes by itself; nobody takes one that waits twice as long.
RETRY_BACKLOG = 1_800  # s
BACKLOG_PERIOD = 300  # s


class DeliveryAlarms(pulumi.ComponentResource):
    """CloudWatch alarms over a delivery's queues, function and rules. Without a topic they are seen in the console."""

    def __init__(
        self,
        name: str,
        context: Context,
        *,
        intake: aws.sqs.Queue,
        retry: aws.sqs.Queue,
        dead_letters: aws.sqs.Queue,
        function: aws.lambda_.Function,
        timeout: int,
        rules: Mapping[str, pulumi.Input[str]],
        topic_arn: pulumi.Input[str] | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`timeout`: the function's, in seconds; `rules`: their names, by what they are called here, such as
        "finished"."""
        super().__init__("batchbell:index:DeliveryAlarms", name, None, opts)
        self._name, self._context, self._function = name, context, function
        self._topic_arn = check_when_known(
            topic_arn, lambda arn: check_arn(arn, "sns", region=context.region), where="alarm_topic_arn"
        )
        self._dead_letters(dead_letters)
        self._oldest_undelivered(min(OLDEST, OLDEST_TIMEOUTS * timeout))
        self._backlog(
            "backlog",
            intake,
            BACKLOG,
            "Events have waited {minutes} minutes for the function: it does not run, or not often enough, so nobody "
            "is told. Nothing is lost for 4 days.",
        )
        self._backlog(
            "retry-backlog",
            retry,
            RETRY_BACKLOG,
            "Messages that are to be sent again have waited {minutes} minutes for the function: it does not take them, "
            "or not often enough. They are lost after 4 days.",
        )
        self._errors()
        self._throttles()
        for purpose, rule_name in rules.items():
            self._lost_events(purpose, rule_name)
        self.register_outputs({})

    def _dead_letters(self, queue: aws.sqs.Queue) -> None:
        self._alarm(
            "dead-letters",
            "AWS/SQS",
            "ApproximateNumberOfMessagesVisible",
            {"QueueName": queue.name},
            "Messages that somebody did not get, or records that could not be read, are in the dead-letter queue, "
            "which keeps them for 14 days. Which and why: `{status}`. Once that is mended: `{redrive}`.",
        )

    def _oldest_undelivered(self, seconds: int) -> None:
        self._alarm(
            "oldest-undelivered",
            METRICS,
            "OldestUndelivered",
            {"service": self._function.name},
            f"A message could not be delivered for {seconds // 60} minutes. It is retried, and in the end is a dead "
            "letter. Which channel fails and why: `{status}`. Nothing else to type while it is retried.",
            above=seconds,
            period=OLDEST_PERIOD,
        )

    def _backlog(self, purpose: str, queue: aws.sqs.Queue, seconds: int, what: str) -> None:
        self._alarm(
            purpose,
            "AWS/SQS",
            "ApproximateAgeOfOldestMessage",
            {"QueueName": queue.name},
            what.format(minutes=seconds // 60)
            + " Whether its event source mapping is enabled, and what waits: `{status}`. Then the function's log.",
            above=seconds,
            period=BACKLOG_PERIOD,
        )

    def _errors(self) -> None:
        self._alarm(
            "errors",
            "AWS/Lambda",
            "Errors",
            {"FunctionName": self._function.name},
            "The function died or timed out; a channel that fails is no such error. Its records come back, and after "
            "5 times are dead letters. Why: the function's log. What waits, what is dead: `{status}`. Dead letters, "
            "once the function is mended: `{redrive}`.",
            statistic="Sum",
        )

    def _throttles(self) -> None:
        self._alarm(
            "throttles",
            "AWS/Lambda",
            "Throttles",
            {"FunctionName": self._function.name},
            "Lambda did not start the function: the account's concurrency is used up, so messages come late. Look at "
            "what else runs, or ask AWS for more. What waits: `{status}`.",
            statistic="Sum",
        )

    def _lost_events(self, purpose: str, rule_name: pulumi.Input[str]) -> None:
        self._alarm(
            f"{purpose}-lost",
            "AWS/Events",
            "InvocationsFailedToBeSentToDLQ",
            {"RuleName": rule_name},
            "EventBridge could put an event neither into the intake queue nor among the dead letters: it is lost, and "
            "nobody is told of that job. Whether the queues are there: `{status}`. `pulumi up --refresh` mends them "
            "and their policies.",
            statistic="Sum",
        )

    def _alarm(
        self,
        purpose: str,
        namespace: str,
        metric: str,
        dimensions: Mapping[str, pulumi.Input[str]],
        description: str,
        *,
        above: int = 0,
        period: int = 60,
        statistic: str = "Maximum",
    ) -> None:
        def describe(name: str) -> str:
            command = "python -m batchbell {} --function " + name
            return description.format(status=command.format("status"), redrive=command.format("redrive"))

        aws.cloudwatch.MetricAlarm(
            f"{self._name}-{purpose}",
            namespace=namespace,
            metric_name=metric,
            dimensions=dict(dimensions),
            statistic=statistic,
            period=period,
            evaluation_periods=1,
            comparison_operator="GreaterThanThreshold",
            threshold=above,
            treat_missing_data="notBreaching",
            alarm_description=self._function.name.apply(describe),
            alarm_actions=[] if self._topic_arn is None else [self._topic_arn],
            tags=self._context.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
