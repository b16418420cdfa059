"""DeliveryAlarms: what wakes somebody, and what each one says at 3 a.m."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from batchbell.provisioning import Context

OLDEST = 1_800  # s that a message may go undelivered
BACKLOG = 900  # s that an event may wait for the function
# Tickets come back at most 15 minutes apart, and their age is told only then: a shorter period would miss some.
OLDEST_PERIOD = 1_200  # s
METRICS = "batchbell"  # the namespace that the function writes to


class DeliveryAlarms(pulumi.ComponentResource):
    """CloudWatch alarms over a delivery's queues, function and rules. Without a topic they are seen in the console."""

    def __init__(
        self,
        name: str,
        context: Context,
        *,
        intake: aws.sqs.Queue,
        dead_letters: aws.sqs.Queue,
        function: aws.lambda_.Function,
        rules: Mapping[str, pulumi.Input[str]],
        topic_arn: pulumi.Input[str] | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`rules`: their names, by what they are called here, such as "finished"."""
        super().__init__("batchbell:index:DeliveryAlarms", name, None, opts)
        self._name, self._context, self._topic_arn = name, context, topic_arn
        self._alarm(
            "dead-letters",
            "AWS/SQS",
            "ApproximateNumberOfMessagesVisible",
            {"QueueName": dead_letters.name},
            function,
            "Messages that nobody got, or records that could not be read, are in the dead-letter queue (kept 14 days). "
            "Why: `{status}`. Once it is mended: `{redrive}`.",
        )
        self._alarm(
            "oldest-undelivered",
            METRICS,
            "OldestUndelivered",
            {"service": function.name},
            function,
            "A message could not be delivered for half an hour; it is retried for four. Which and why: `{status}`.",
            above=OLDEST,
            period=OLDEST_PERIOD,
        )
        self._alarm(
            "backlog",
            "AWS/SQS",
            "ApproximateAgeOfOldestMessage",
            {"QueueName": intake.name},
            function,
            "Events wait for the function, which does not run, or not often enough: look at its event source mappings, "
            "its throttles and its errors. Nothing is lost for 4 days. `{status}`",
            above=BACKLOG,
            period=300,
        )
        self._alarm(
            "errors",
            "AWS/Lambda",
            "Errors",
            {"FunctionName": function.name},
            function,
            "The function died or timed out; a channel's failure is no such error. Its records come back, and after 5 "
            "times are dead letters. Why: the function's log, then `{status}`.",
            statistic="Sum",
        )
        self._alarm(
            "throttles",
            "AWS/Lambda",
            "Throttles",
            {"FunctionName": function.name},
            function,
            "The account's concurrency is used up, so messages come late: look at what else runs, or ask for more.",
            statistic="Sum",
        )
        for purpose, rule_name in rules.items():
            self._alarm(
                f"{purpose}-lost",
                "AWS/Events",
                "InvocationsFailedToBeSentToDLQ",
                {"RuleName": rule_name},
                function,
                "EventBridge could put an event neither into the intake queue nor into the dead letters: it is lost. "
                "Look at the queues' policies and whether they exist; `pulumi up --refresh` mends both.",
                statistic="Sum",
            )
        self.register_outputs({})

    def _alarm(
        self,
        purpose: str,
        namespace: str,
        metric: str,
        dimensions: Mapping[str, pulumi.Input[str]],
        function: aws.lambda_.Function,
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
            alarm_description=function.name.apply(describe),
            alarm_actions=[] if self._topic_arn is None else [self._topic_arn],
            tags=self._context.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
