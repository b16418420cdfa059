"""Answers that a healthy channel never gives, and tickets that this version did not write."""

from __future__ import annotations

import json
import time

import pytest

from batchbell.webhook import READ_TIMEOUT
from batchbell_local.slack.listening import CONNECTIONS
from batchbell_local.slack.sink import SlackResponse
from tests.end_to_end.explained_repeats import FIRST, REPEAT
from tests.end_to_end.observed_stack import ObservedStack, answer_in_turn

DRIP = READ_TIMEOUT - 1  # s between two bytes: no read times out, and the whole response takes many minutes


def put(observed: ObservedStack, output: str, *bodies: object) -> None:
    sqs, url = observed.stack.cloud.client("sqs"), observed.stack.deployment.outputs[output]
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))


@pytest.fixture
def sink(observed: ObservedStack):
    yield observed.stack.sink
    observed.stack.sink.answer_with(lambda body: None)


def test_only_the_job_that_slack_refuses_dies_with_its_digest(observed, sink):
    jobs = [observed.job() for _ in range(9)]
    bad = jobs[4].name
    sink.answer_with(lambda body: SlackResponse.of(400) if bad in body else None)
    observed.set_mapping_enabled("intake_queue_url", False)
    observed.stack.send(*(job.event for job in jobs))
    observed.set_mapping_enabled("intake_queue_url", True)
    observed.wait_until_idle()

    assert observed.deliveries(bad)["slack"] == []
    assert [observed.unexplained(job.name) for job in jobs if job.name != bad] == [{}] * 8
    (dead,) = observed.stack.dead_letters()
    assert (dead["notifier"], dead["message"]["job_name"]) == ("slack", bad)
    assert "invalid_payload" in dead["reason"]


@pytest.mark.parametrize("answer", [SlackResponse(200, "OK"), SlackResponse(202, "ok")])
def test_an_answer_that_is_not_slacks_is_a_dead_letter_and_its_redrive_is_marked(observed, sink, answer):
    job = observed.job()
    sink.answer_with(answer_in_turn({job.name: [answer]}))
    observed.stack.send(job.event)
    observed.wait_until_idle()
    (dead,) = observed.stack.dead_letters()
    assert (dead["notifier"], dead["message"]["job_name"]) == ("slack", job.name)
    put(observed, "retry_queue_url", dead)
    observed.wait_until_idle()

    assert observed.unexplained(job.name, {"slack": [REPEAT], "email": [FIRST], "sns": [FIRST]}) == {}


@pytest.mark.skipif(not CONNECTIONS.exists(), reason="counts connections in /proc")
def test_a_response_that_never_ends_leaves_no_connection_open(observed, sink):
    job = observed.job()
    sink.answer_with(answer_in_turn({job.name: [SlackResponse(200, "x" * 500, drip=DRIP, whole=True)]}))
    observed.stack.send(job.event)
    observed.wait_until_tried([job])
    observed.stack.wait_until(lambda: sink.open_connections() == 0, "closed", timeout=20)
    observed.wait_until_idle()

    assert observed.unexplained(job.name, {"slack": [REPEAT], "email": [FIRST], "sns": [FIRST]}) == {}


def test_a_ticket_of_a_later_version_is_kept_whole_and_delivered_by_a_redrive_that_can_read_it(observed, sink):
    job = observed.job()
    sink.answer_with(answer_in_turn({job.name: [SlackResponse.of(403)]}))
    observed.stack.send(job.event)
    observed.wait_until_idle()
    (ticket,) = observed.stack.dead_letters()
    del ticket["died"]
    ahead = ticket | {"first_tried": time.time() + 3_600, "not_before": 0, "receipt": {"ts": "1"}}
    unreadable = ticket | {"ticket": 7, "message": {"parts": [ticket["message"]]}}
    put(observed, "retry_queue_url", unreadable)
    observed.wait_until_idle()
    (dead,) = observed.stack.dead_letters()
    assert dead["record"] == unreadable
    put(observed, "retry_queue_url", ahead)
    observed.wait_until_idle()

    assert observed.unexplained(job.name) == {}
    assert observed.stack.dead_letters() == []
