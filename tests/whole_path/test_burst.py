"""A thousand array jobs finish within two seconds, and Slack takes one message a second. The print-color stack as it
ships, with the function's real timeout: slots, delays and waits are those of a real stack."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from batchbell.local.cloud import LocalCloud
from batchbell.local.collecting_queue import CollectingQueue
from batchbell.local.rehearsal import deploy_print_color, in_queue
from batchbell.local.slack_sink import SlackSink

JOBS = 1_000
AT_ONCE = 100  # events of one call
BURST = 2.0  # seconds
MESSAGES = 60  # that Slack may show for them: one a second for a minute
PATIENCE = 90.0  # seconds from the first event until every job is in Slack

LOOK = 0.5  # seconds between looks at the queues: the local AWS has one thread for all calls

NAME = re.compile(r"burst-[0-9]{4}")
NAMES = [f"burst-{number:04}" for number in range(JOBS)]
PLACE = "arn:aws:batch:us-east-1:123456789012"


@dataclass(frozen=True)
class Burst:
    """What became of it. Seconds count from the first event."""

    raised: float  # when the last event was on the bus
    slack: Sequence[Mapping[str, Any]]  # the payloads that were accepted
    slack_done: float  # when Slack took the last one
    refused: int  # requests that Slack answered with 429
    mails: Sequence[Mapping[str, Any]]
    published: Sequence[Mapping[str, Any]]  # what programs read on the topic
    rows: Sequence[Mapping[str, Any]]  # the ledger's, of jobs
    dead: int  # letters in the dead-letter queue
    unknown: int  # deliveries that got no answer


@pytest.fixture(scope="module")
def burst(
    own_cloud: LocalCloud,
    sink: SlackSink,
    project: Path,
    wait_until: Callable[..., None],
    event: Callable[..., dict[str, Any]],
) -> Burst:
    deployment = deploy_print_color(own_cloud, project, sink, {})
    outputs = deployment.outputs
    topic = CollectingQueue.of_topic(own_cloud, "burst", outputs["notifiers"]["sns"]["topic_arn"])
    accepted: list[float] = []
    sink.on_accepted(lambda body: accepted.append(time.time()))
    sink.limit(1)
    queue = _queue_arn(own_cloud, outputs)
    events = [_finish(event, queue, name) for name in NAMES]

    started = time.time()
    for first in range(0, JOBS, AT_ONCE):
        own_cloud.raise_events(events[first : first + AT_ONCE])
    raised = time.time() - started

    def at_rest() -> bool:
        time.sleep(LOOK)
        # In this order: what leaves the first queue for the second is in the second before it is gone from the first.
        return not any(in_queue(own_cloud, outputs[f"{queue}_queue_url"]) for queue in ("intake", "retry"))

    wait_until(at_rest, "at rest", timeout=PATIENCE)
    return Burst(
        raised=raised,
        slack=sink.accepted,
        slack_done=max(accepted) - started,
        refused=sum(request.answered == 429 for request in sink.requests),
        mails=own_cloud.mailbox(),
        published=[json.loads(json.loads(body)["Message"]) for body in topic.bodies()],
        rows=[row for row in _scan(own_cloud, outputs["ledger_table_name"]) if PLACE in row["message"]["S"]],
        dead=in_queue(own_cloud, outputs["dead_letter_queue_url"]),
        unknown=len(_log(own_cloud, outputs["function_name"], "unknown")),
    )


def test_the_jobs_finish_within_two_seconds_and_slack_refuses_what_is_too_fast(burst):
    assert burst.raised < BURST
    assert burst.refused > 0


def test_slack_gets_each_job_once_in_few_messages_within_a_minute_and_a_half(burst):
    assert _count_jobs(burst.slack) == dict.fromkeys(NAMES, 1)
    assert len(burst.slack) <= MESSAGES
    assert burst.slack_done < PATIENCE


def test_the_topic_gets_a_message_of_its_own_for_each_job(burst):
    assert Counter(message["job_name"] for message in burst.published) == dict.fromkeys(NAMES, 1)


def test_each_job_is_in_one_mail(burst):
    assert _count_jobs((mail["Subject"], mail["BodyText"]) for mail in burst.mails) == dict.fromkeys(NAMES, 1)


def test_what_was_answered_is_not_called_a_repeat(burst):
    told = json.dumps([burst.slack, [mail["BodyText"] for mail in burst.mails], burst.published])

    assert told.lower().count("may be a repeat") <= burst.unknown


def test_the_ledger_says_that_all_was_sent_and_nothing_died(burst):
    assert len(burst.rows) == 3 * JOBS
    assert [row for row in burst.rows if "sent" not in row or "token" in row] == []
    assert burst.dead == 0


def _finish(event: Callable[..., dict[str, Any]], queue: str, name: str) -> dict[str, Any]:
    job = str(uuid.uuid4())
    return event("parent-succeeded", jobName=name, jobId=job, jobArn=f"{PLACE}:job/{job}", jobQueue=queue)


def _queue_arn(cloud: LocalCloud, outputs: Mapping[str, Any]) -> str:
    (queue,) = cloud.client("batch").describe_job_queues(jobQueues=[outputs["job_queue_name"]])["jobQueues"]
    return str(queue["jobQueueArn"])


def _count_jobs(messages: Iterable[Any]) -> Mapping[str, int]:
    """In how many of the messages each job is named, wherever in them."""
    return Counter(name for message in messages for name in set(NAME.findall(json.dumps(message))))


def _scan(cloud: LocalCloud, table: str) -> list[Mapping[str, Any]]:
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    return [row for page in pages for row in page["Items"]]


def _log(cloud: LocalCloud, function: str, term: str) -> list[str]:
    """The lines of the function's log that hold the term."""
    group = cloud.client("lambda").get_function_configuration(FunctionName=function)["LoggingConfig"]["LogGroup"]
    events = cloud.client("logs").filter_log_events(logGroupName=group, filterPattern=term)["events"]
    return [event["message"] for event in events]
