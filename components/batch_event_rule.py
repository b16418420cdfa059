"""BatchEventRule: an EventBridge rule over the watched job queues and job definitions, and its target."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from batchbell.provisioning import Context

from .settings.arns import PatternTooLong, check_length, definition_problem, misplacement, queue_problem

# ARNs of queues and of definitions → an event pattern.
MakePattern = Callable[[Sequence[str], Sequence[str]], Mapping[str, Any]]


class BatchEventRule(pulumi.ComponentResource):
    """The rule; `send_to` gives it its target.

    ARNs that are plain were checked with the settings; those that are Outputs are checked when they are known.
    """

    arn: pulumi.Output[str]
    name: pulumi.Output[str]

    def __init__(
        self,
        type_: str,
        name: str,
        context: Context,
        *,
        description: str,
        make_pattern: MakePattern,
        queue_arns: Sequence[pulumi.Input[str]],
        definition_arns: Sequence[pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`type_`: the component's own, such as "batchbell:index:ParentJobRule"."""
        super().__init__(type_, name, None, opts)
        self._name = name

        def pattern(watched: dict[str, list[str]]) -> str:
            _refuse_unfit(watched, context)
            parts = make_pattern(watched["queues"], watched["definitions"])
            try:
                return check_length(json.dumps(parts, separators=(",", ":")))
            except PatternTooLong as error:
                raise pulumi.RunError(str(error)) from None

        watched: dict[str, Any] = {"queues": list(queue_arns), "definitions": list(definition_arns)}
        waits = any(isinstance(arn, pulumi.Output) for arns in watched.values() for arn in arns)
        # What is plain is refused here and now, before anything else is created.
        self.pattern: pulumi.Input[str] = (
            pulumi.Output.from_input(watched).apply(pattern) if waits else pattern(watched)
        )
        self._rule = aws.cloudwatch.EventRule(
            name,
            description=description,
            event_pattern=self.pattern,
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
        """Deliver to `queue`; what it refuses goes to `dead_letters`.

        `after`: the queues' policies. Without them EventBridge drops the events silently.
        """
        return aws.cloudwatch.EventTarget(
            self._name,
            rule=self._rule.name,
            arn=queue.arn,
            dead_letter_config={"arn": dead_letters.arn},
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )


def _refuse_unfit(watched: dict[str, list[str]], context: Context) -> None:
    problems = [problem for arn in watched["queues"] if (problem := queue_problem(arn))]
    problems += [problem for arn in watched["definitions"] if (problem := definition_problem(arn))]
    problems += [f"{arn} is {why}" for arns in watched.values() for arn in arns if (why := misplacement(arn, context))]
    if problems:
        raise pulumi.RunError("; ".join(problems))
