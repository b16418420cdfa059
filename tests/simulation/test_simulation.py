"""Does the dispatcher keep its promises, whatever happens? A short run of `python -m tests.simulation`."""

from __future__ import annotations

import json

import pytest

from batchbell.conformance import messages
from components.delivery import INTAKE_WINDOW, RETRY_WINDOW, visibility_timeout
from tests.simulation import bodies
from tests.simulation.function import TIMEOUT
from tests.simulation.plan import FAULTS, Plan
from tests.simulation.world import VISIBILITY, simulate


def test_queues_hide_their_records_as_long_as_in_a_stack():
    assert VISIBILITY["intake"] == visibility_timeout(int(TIMEOUT), INTAKE_WINDOW)
    assert VISIBILITY["retry"] == visibility_timeout(int(TIMEOUT), RETRY_WINDOW)


def test_without_faults_each_message_arrives_once_and_unmarked():
    for seed in range(5):
        result = simulate(Plan.of(seed, jobs=10, faults=[]))
        assert not result.broken
        assert not result.counts["dead letters"]


@pytest.mark.parametrize("seed", range(3))
def test_a_seed_gives_the_same_course_of_events_each_time(seed):
    plan = Plan.of(seed, jobs=10, minutes=5, faults=sorted(FAULTS))
    once, again = simulate(plan, tracing=True), simulate(plan, tracing=True)
    assert once.trace == again.trace
    assert len(once.trace) > 10


@pytest.mark.parametrize("tens", range(6))
def test_the_promises_of_delivery_hold_whatever_happens(tens):
    results = map(simulate, map(Plan.of, range(10 * tens, 10 * tens + 10)))
    assert not [(one.plan.command(), one.broken) for one in results if one.broken]


@pytest.mark.parametrize("kind", ["succeeded", "failed", "warning"])
def test_a_remembered_body_is_what_json_writes_and_reads(kind):
    message = bodies.Fields(messages.MESSAGES[kind].to_dict())
    ticket = {"reason": 'a "b" é', "died": float("inf"), "message": message, "first_tried": 0.1 + 0.2, "alone": False}

    body = bodies.dumps(ticket)

    assert body == json.dumps(ticket)
    assert bodies.loads(body) == json.loads(body)
    assert bodies.dumps(bodies.loads(body)) == body
    bodies.forget()
    assert bodies.loads(body) == json.loads(body)
    bodies.forget()
