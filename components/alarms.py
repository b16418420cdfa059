"""DeliveryAlarms: the CloudWatch alarms, each with a description that says what to do at 3 a.m."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from batchbell.provisioning import Context, check_arn, check_when_known
from batchbell.wire import LATE, METRIC_DIMENSION, METRIC_NAMESPACE, late_after

# The function reports a ticket that is late when it retries it, which may be every 15 minutes only: with a shorter
# period the alarm would go off again and again.
LATE_PERIOD = 1_200  # s
BACKLOG = 900  # s that an event may wait for the function
# A ticket is delayed by up to 15 minutes. If it waits twice as long, the function does not receive it.
RETRY_BACKLOG = 1_800  # s
BACKLOG_PERIOD = 300  # s
# What a rule loses, by its purpose.
LOST_EVENT = (
    "an event neither to the intake queue nor to the dead-letter queue: it is lost, and no message about that job is "
    "sent"
)
LOST = {
    "sweep": "a sweep neither to the intake queue nor to the dead-letter queue: meanwhile nothing looks at the array "
    "jobs that run"
}


class DeliveryAlarms(pulumi.ComponentResource):
    """CloudWatch alarms for a delivery's queues, function and rules. Without a topic they show in the console only."""

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
        """Create the alarms.

        timeout: the function's, in seconds
        rules: names of the EventBridge rules, by their purpose ("finished")
        topic_arn: the SNS topic that alarms are sent to, or None
        """
        super().__init__("batchbell:index:DeliveryAlarms", name, None, opts)
        self._name, self._context, self._function = name, context, function
        self._topic_arn = check_when_known(
            topic_arn, lambda arn: check_arn(arn, "sns", region=context.region), where="alarm_topic_arn"
        )
        self._dead_letters(dead_letters)
        self._late(late_after(timeout))
        self._backlog(
            "backlog",
            intake,
            BACKLOG,
            "Events have waited {minutes} minutes for the function: it does not run, or not often enough, so no "
            "messages are sent. SQS keeps the events for 4 days.",
        )
        self._backlog(
            "retry-backlog",
            retry,
            RETRY_BACKLOG,
            "Messages to retry have waited {minutes} minutes for the function: it does not run, or not often enough. "
            "They are lost after 4 days.",
        )
        self._errors()
        for purpose, rule_name in rules.items():
            self._lost_events(purpose, rule_name, LOST.get(purpose, LOST_EVENT))
        self.register_outputs({})

    def _dead_letters(self, queue: aws.sqs.Queue) -> None:
        self._alarm(
            "dead-letters",
            "AWS/SQS",
            "ApproximateNumberOfMessagesVisible",
            {"QueueName": queue.name},
            "Undelivered messages or unreadable records are in the dead-letter queue, which keeps them for 14 days. "
            "To see which and why: `{status}`. After fixing the cause: `{redrive}`.",
        )

    def _late(self, seconds: float) -> None:
        """One metric for both: a metric of their own would cost more than this alarm."""
        self._alarm(
            "late",
            METRIC_NAMESPACE,
            LATE,
            {METRIC_DIMENSION: self._function.name},
            f"Messages are late. Either one could not be delivered for {seconds / 60:g} minutes: it is retried, and "
            "dead-lettered in the end. To see which channel fails and why: `{status}`. Retrying needs no command. Or "
            "Lambda did not start the function in time (the log says `records were held up`): the account's "
            "concurrency is used up, so look at what else runs, or request a higher quota from AWS; or an invocation "
            "failed, which the alarm on errors says.",
            period=LATE_PERIOD,
            statistic="Sum",
        )

    def _backlog(self, purpose: str, queue: aws.sqs.Queue, seconds: int, problem: str) -> None:
        self._alarm(
            purpose,
            "AWS/SQS",
            "ApproximateAgeOfOldestMessage",
            {"QueueName": queue.name},
            problem.format(minutes=seconds // 60)
            + " To see whether its event source mapping is enabled, and what waits: `{status}`. Then read the "
            "function's log.",
            above=seconds,
            period=BACKLOG_PERIOD,
        )

    def _errors(self) -> None:
        self._alarm(
            "errors",
            "AWS/Lambda",
            "Errors",
            {"FunctionName": self._function.name},
            "The function crashed or timed out (a failing channel does not count). Records are tried 5 times, then "
            "dead-lettered. The function's log says why. To see what waits and what is dead-lettered: `{status}`. "
            "After fixing the function: `{redrive}`.",
            statistic="Sum",
        )

    def _lost_events(self, purpose: str, rule_name: pulumi.Input[str], lost: str) -> None:
        self._alarm(
            f"{purpose}-lost",
            "AWS/Events",
            "InvocationsFailedToBeSentToDlq",
            {"RuleName": rule_name},
            f"EventBridge could deliver {lost}. To see whether the queues exist: `{{status}}`. "
            "`pulumi up --refresh` restores them and their policies.",
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
