"""One run: a stack on local AWS, jobs that finish in bad weather, and what became of them once it is over."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from batchbell_local.cloud import LocalCloud
from batchbell_local.collecting_queue import CollectingQueue
from batchbell_local.deployment import Deployment
from batchbell_local.slack.sink import SlackSink
from demo.chaos.account import Account, draw_up, strings
from demo.chaos.traffic import Traffic, compose_traffic
from demo.chaos.weather import SPELL, SPELLS, Weather
from demo.print_color import deploy_print_color, in_queue, verify_sender

FUNCTION_TIMEOUT = 5  # s: retries and leases are six times as quick as in a real stack
JOBS_A_SECOND = 5
STEP = 0.2  # seconds between two handfuls of events
PATIENCE = 240.0  # seconds from the end of the weather until every queue is empty

Report = Callable[[str, int, int | None], None]  # what is going on, how many are done, of how many


class ChaosFailed(Exception):
    """The run itself did not come to its end; the text says why."""


@dataclass(frozen=True)
class _Place:
    cloud: LocalCloud
    sink: SlackSink
    deployment: Deployment
    topic: CollectingQueue

    def url(self, name: str) -> str:
        return str(self.deployment.outputs[f"{name}_queue_url"])

    def waiting(self) -> int:
        return sum(in_queue(self.cloud, self.url(name)) for name in ("intake", "retry"))


def run_chaos(program: Path, jobs: int, seed: int, report: Report = lambda what, done, total: None) -> Account:
    """Let `jobs` jobs finish while everything fails as `seed` says. Raises DeploymentFailed, LocalCloudError or
    ChaosFailed; whatever was started is stopped in any case."""
    started = time.monotonic()
    dice = Random(seed)
    report("local AWS", 0, None)
    with LocalCloud.start() as cloud, SlackSink.start() as sink:
        verify_sender(cloud)
        deployment = deploy_print_color(cloud, program, sink, {"function_timeout": FUNCTION_TIMEOUT}, report)
        topic = CollectingQueue.of_topic(cloud, "subscriber", deployment.outputs["notifiers"]["sns"]["topic_arn"])
        place = _Place(cloud, sink, deployment, topic)
        traffic = compose_traffic(jobs, dice, *_batch_arns(place))
        spells = max(SPELLS, round(jobs / JOBS_A_SECOND / SPELL))
        with Weather(cloud, sink, dice, spells) as weather:
            _send(place, traffic, spells * SPELL, report)
            weather.wait()
        _drain(place, report)
        return draw_up(
            traffic,
            _arrived(place),
            list(_dead_letters(place)),
            list(_log(place)),
            weather.hits,
            weather.kills,
            seed,
            time.monotonic() - started,
        )


def _batch_arns(place: _Place) -> tuple[str, str]:
    batch, outputs = place.cloud.client("batch"), place.deployment.outputs
    (queue,) = batch.describe_job_queues(jobQueues=[outputs["job_queue_name"]])["jobQueues"]
    name = outputs["job_definition_name"]
    (definition,) = batch.describe_job_definitions(jobDefinitionName=name, status="ACTIVE")["jobDefinitions"]
    return queue["jobQueueArn"], definition["jobDefinitionArn"]


def _send(place: _Place, traffic: Traffic, length: float, report: Report) -> None:
    """All of it, spread over `length` seconds."""
    steps = round(length / STEP)
    odd = {round((number + 0.5) * steps / len(traffic.odd)): text for number, text in enumerate(traffic.odd)}
    begun, sent = time.monotonic(), 0
    for step in range(1, steps + 1):
        upto = len(traffic.events) * step // steps
        place.cloud.raise_events(traffic.events[sent:upto])
        sent = upto
        if step in odd:
            place.cloud.client("sqs").send_message(QueueUrl=place.url("intake"), MessageBody=odd[step])
        report("events", sent, len(traffic.events))
        time.sleep(max(0.0, begun + step * STEP - time.monotonic()))


def _drain(place: _Place, report: Report) -> None:
    ends = time.monotonic() + PATIENCE
    most = 0
    while left := place.waiting():
        most = max(most, left)
        report("waiting", most - left, most)
        if time.monotonic() > ends:
            raise ChaosFailed(f"{left} records and tickets still wait {PATIENCE:g} s after the last fault")
        time.sleep(0.2)
    report("waiting", most, most)


def _arrived(place: _Place) -> dict[str, Sequence[Sequence[str]]]:
    """The texts of each message that a channel accepted, by notifier."""
    return {
        "slack": [list(strings(payload["blocks"])) for payload in place.sink.accepted],
        "email": [[mail["Subject"], mail["BodyText"]] for mail in place.cloud.mailbox()],
        "sns": [list(strings(json.loads(json.loads(body)["Message"]))) for body in place.topic.bodies()],
    }


def _dead_letters(place: _Place) -> Iterator[dict[str, Any]]:
    sqs, url = place.cloud.client("sqs"), place.url("dead_letter")
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            yield _parse(message["Body"]) or {"raw": message["Body"]}


def _log(place: _Place) -> Iterator[dict[str, Any]]:
    name = place.deployment.outputs["function_name"]
    function = place.cloud.client("lambda").get_function_configuration(FunctionName=name)
    pages = place.cloud.client("logs").get_paginator("filter_log_events")
    for page in pages.paginate(logGroupName=function["LoggingConfig"]["LogGroup"]):
        for event in page["events"]:
            if line := _parse(event["message"]):
                yield line


def _parse(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
