"""An EventBridge rule whose target is a queue: the base of the rules for events and of the schedule of the sweeps."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from batchbell.provisioning import Context


class QueueRule(pulumi.ComponentResource):
    """An enabled rule, either over an event pattern or on a schedule. `send_to` adds its target."""

    arn: pulumi.Output[str]
    name: pulumi.Output[str]

    def __init__(
        self,
        token: str,
        name: str,
        context: Context,
        *,
        description: str,
        event_pattern: pulumi.Input[str] | None = None,
        schedule: str | None = None,
        target_input: str | None = None,
        opts: pulumi.ResourceOptions,
    ) -> None:
        """Create the rule.

        token: Pulumi's name of the component's type, such as "batchbell:index:ParentJobRule"
        schedule: EventBridge's expression, such as "rate(5 minutes)"
        target_input: what the queue gets, as JSON; None: the event
        """
        super().__init__(token, name, None, opts)
        self._name, self._target_input = name, target_input
        self._rule = aws.cloudwatch.EventRule(
            name,
            description=description,
            event_pattern=event_pattern,
            schedule_expression=schedule,
            state="ENABLED",
            tags=context.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.arn = self._rule.arn
        self.name = self._rule.name
        self.register_outputs({"arn": self.arn, "name": self.name})

    def send_to(
        self, queue: aws.sqs.Queue, dead_letters: aws.sqs.Queue, *, after: Sequence[pulumi.Resource]
    ) -> aws.cloudwatch.EventTarget:
        """Deliver events to `queue`, and to `dead_letters` those that `queue` refuses.

        `after`: the queues' policies. Without them EventBridge drops the events silently.
        """
        return aws.cloudwatch.EventTarget(
            self._name,
            rule=self._rule.name,
            arn=queue.arn,
            input=self._target_input,
            dead_letter_config={"arn": dead_letters.arn},
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )
