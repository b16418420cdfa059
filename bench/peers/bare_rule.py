"""Counts what a bare EventBridge rule into an SNS topic does: what a user picks who writes no program at all.

Two rules on local AWS: every finished job of a queue, which is what the console offers, and this project's pattern for
parents alone. Counted requests × list prices; an email is the event's JSON, as SNS sends it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batchbell_local.collecting_queue import CollectingQueue
from bench import prices
from bench.batch_events import child_events
from bench.local_stack import LocalStack, deploy, wait_until
from bench.measurement import RunOptions, Table
from demo.print_color import other_rules

CHILDREN, FAILED = 100, 2  # of the array
JOBS = 1_000  # for the cost
SNS_EMAIL = 2.00 / 1e5  # aws.amazon.com/sns/pricing: a notification by email; the stack's emails are SES's
TIMEOUT = 60.0  # s


@dataclass(frozen=True)
class BareRule:
    """`table` for people, `figures` for programs."""

    table: Table
    figures: Mapping[str, Any]


def measure(options: RunOptions) -> BareRule:
    with deploy(options.project) as stack:
        pattern = stack.cloud.client("events").describe_rule(Name=_rule_name(stack))["EventPattern"]
        every = other_rules(stack.job_queue)["every-job"]
        topics = {
            "rule → SNS, every job of the queue": _rule_into_topic(stack, "every", every),
            "rule → SNS, parents alone": _rule_into_topic(stack, "parents", json.loads(pattern)),
        }
        parent = stack.parent_event("bare", size=CHILDREN, failed=FAILED)
        before = len(stack.invocations())
        stack.raise_all([*child_events(parent, "FARGATE"), parent])
        stack.wait_until_idle(TIMEOUT)
        wait_until(lambda: len(stack.invocations()) > before, TIMEOUT)
        ours = len(stack.invocations()) - before
        messages = {name: len(topic.bodies()) for name, topic in topics.items()}
        published = len(stack.sink.accepted)
    rows = [
        [name, "0", f"{number}", f"${JOBS * number * (prices.SNS_PUBLISH + SNS_EMAIL):.2f}", "the event's JSON"]
        for name, number in messages.items()
    ]
    mails = JOBS * (prices.SES_MAIL + prices.SNS_PUBLISH)
    rows.append(
        ["batchbell", f"{ours}", f"{published}", f"${mails:.2f}, and what `--only cost` counts", "written for people"]
    )
    columns = ["program", "invocations", "messages", f"emails for {JOBS:,} such jobs", "what people read"]
    title = f"One array job of {CHILDREN} children, {FAILED} failed, on Fargate"
    return BareRule(Table(title, columns, rows), {"messages": messages, "invocations": ours})


def _rule_name(stack: LocalStack) -> str:
    return str(stack.outputs["rule_arn"]).rpartition("/")[2]


def _rule_into_topic(stack: LocalStack, name: str, pattern: Mapping[str, Any]) -> CollectingQueue:
    """Make a rule with a topic as its target, and a queue that collects what the topic sends."""
    events, sns = stack.cloud.client("events"), stack.cloud.client("sns")
    topic = sns.create_topic(Name=f"bare-{name}")["TopicArn"]
    allow: Sequence[Mapping[str, Any]] = [
        {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": topic,
        }
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": allow})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    events.put_rule(Name=f"bare-{name}", EventPattern=json.dumps(pattern))
    events.put_targets(Rule=f"bare-{name}", Targets=[{"Id": "topic", "Arn": topic}])
    return CollectingQueue.of_topic(stack.cloud, f"bare-{name}", topic)
