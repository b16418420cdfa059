"""Schedules of EventBridge, on a clock that the test moves, and events that come late."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from batchbell_local.cloud import LocalCloud

MINUTE = 60
WAIT_FOR_HALF_AN_HOUR = """
import os, time

def handler(event, context):
    began = time.time()
    open(os.environ["BEGUN"], "w").close()
    while time.time() < began + 1_800:
        time.sleep(0.01)
    return [time.time() - began, context.get_remaining_time_in_millis()]
"""


class Schedule:
    """A rule with a schedule, and a queue that gets its input."""

    def __init__(self, cloud: LocalCloud, expression: str = "rate(5 minutes)") -> None:
        self._sqs, self.events = cloud.client("sqs"), cloud.client("events")
        self.name = f"schedule-{uuid.uuid4().hex[:8]}"
        rule = self.events.put_rule(Name=self.name, ScheduleExpression=expression)["RuleArn"]
        self._url = self._sqs.create_queue(QueueName=self.name)["QueueUrl"]
        arn = f"arn:aws:sqs:{cloud.region}:{cloud.account_id}:{self.name}"
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": policy})
        self.events.put_targets(Rule=self.name, Targets=[{"Id": "queue", "Arn": arn, "Input": '{"sweep": 1}'}])

    def take(self) -> list[Any]:
        """Return what has arrived since the last call."""
        answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, VisibilityTimeout=3_600)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


@pytest.fixture
def schedule(own_cloud: LocalCloud) -> Iterator[Schedule]:
    made = Schedule(own_cloud)
    yield made
    made.events.disable_rule(Name=made.name)


def test_a_schedule_fires_when_the_moved_clock_reaches_its_time(own_cloud: LocalCloud, schedule: Schedule) -> None:
    own_cloud.move_time(4 * MINUTE)
    early = schedule.take()
    own_cloud.move_time(MINUTE)
    at_five = schedule.take()
    own_cloud.move_time(5 * MINUTE)
    at_ten = schedule.take()

    assert (early, at_five, at_ten) == ([], [{"sweep": 1}], [{"sweep": 1}])


def test_a_schedule_fires_at_once_on_demand(own_cloud: LocalCloud, schedule: Schedule) -> None:
    own_cloud.rules.fire(schedule.name)
    own_cloud.rules.fire(schedule.name)

    assert schedule.take() == [{"sweep": 1}] * 2


def test_a_disabled_schedule_does_not_fire(own_cloud: LocalCloud, schedule: Schedule) -> None:
    schedule.events.disable_rule(Name=schedule.name)
    own_cloud.move_time(5 * MINUTE)
    with pytest.raises(ConnectionError, match="rules/fire"):
        own_cloud.rules.fire(schedule.name)

    assert schedule.take() == []


@pytest.mark.parametrize("expression", ["rate(1 minutes)", "rate(5 minute)", "rate(0 minutes)"])
def test_a_rate_is_refused_whose_unit_does_not_fit(own_cloud: LocalCloud, expression: str) -> None:
    events = own_cloud.client("events")
    events.put_rule(Name="singular", ScheduleExpression="rate(1 minute)", State="DISABLED")
    with pytest.raises(events.exceptions.ClientError, match="ScheduleExpression is not valid"):
        events.put_rule(Name="wrong", ScheduleExpression=expression)


def test_what_a_rule_sends_can_be_withheld_and_come_late(own_cloud: LocalCloud, schedule: Schedule) -> None:
    own_cloud.rules.withhold(schedule.name)
    own_cloud.rules.fire(schedule.name)
    own_cloud.rules.fire(schedule.name)
    withheld = own_cloud.rules.withheld(schedule.name), schedule.take()
    delivered = own_cloud.rules.deliver(schedule.name), schedule.take()
    own_cloud.rules.fire(schedule.name)

    assert withheld == (2, [])
    assert delivered == (2, [{"sweep": 1}] * 2)
    assert schedule.take() == [{"sweep": 1}]


def test_a_running_invocation_sees_that_time_has_moved_and_has_the_time_left_that_it_had(
    own_cloud: LocalCloud, deploy: Any, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    begun = tmp_path / "begun"
    function = deploy(WAIT_FOR_HALF_AN_HOUR, variables={"BEGUN": str(begun)}, timeout=60, on=own_cloud)
    with ThreadPoolExecutor() as pool:
        running = pool.submit(function.invoke)
        wait_until(begun.exists, "begun")
        own_cloud.move_time(3_600)
        passed, left = running.result()

    assert passed == pytest.approx(3_600, abs=1_000)
    assert 0 < left <= 60_000
