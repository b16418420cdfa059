from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest

from batchbell.dispatcher.messages.failures import Failures
from batchbell.dispatcher.messages.finished_job import compose
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.records.parse import UnreadableRecord, parse_record
from batchbell.dispatcher.records.ticket import Ticket


def unreadable(record):
    with pytest.raises(UnreadableRecord) as refused:
        parse_record(record if isinstance(record, str) else json.dumps(record), now=5.0)
    return json.loads(refused.value.dead.to_body(6.0))


def test_a_record_is_an_event_or_a_ticket(event):
    parsed = parse_record(json.dumps(event("parent-failed")), now=5.0)
    assert isinstance(parsed, Job)
    ticket = Ticket(compose(parsed, Failures()), "ops", "busy", first_tried=4.0)

    assert isinstance(parse_record(ticket.to_body(), now=5.0), Ticket)


def test_a_dead_letter_says_why_and_which_job_and_nothing_that_may_be_secret(event):
    odd = event("parent-failed", status=7, tags={"password": "hunter2"}, parameters={"Environment": "hunter2"})
    odd["detail"] |= {"statusReason": {"text": "hunter2"}, "arrayProperties": {"size": ["hunter2"], "note": "hunter2"}}
    odd["hunter2"] = "hunter2"
    dead = unreadable(odd)

    assert dead["reason"] == "detail has no status"
    assert dead["record"]["detail"]["jobName"] == "nightly-render"
    assert dead["record"]["resources"] == odd["resources"]
    assert "hunter2" not in json.dumps(dead)


@pytest.mark.parametrize(
    "record",
    [
        '{"detail": {"container": {"environment": [{"name": "x", "value": "hunter2"}]',  # cut off
        '\ufeff{"password": "hunter2"}',
        json.dumps(json.dumps({"password": "hunter2"})),
        "[" * 3_000 + '"hunter2"' + "]" * 3_000,
        '{"a":' * 3_000 + '"hunter2"' + "}" * 3_000,
    ],
)
def test_only_size_and_hash_are_kept_of_a_record_that_is_not_an_event(record):
    dead = unreadable(record)

    assert (dead["size"], len(dead["sha256"])) == (len(record), 64)
    assert "hunter2" not in json.dumps(dead)


def test_the_largest_record_makes_a_small_dead_letter():
    assert len(json.dumps(unreadable("é" * 1_000_000))) < 1_000


def test_a_redriven_dead_letter_is_read_again_and_does_not_grow(event):
    dead = unreadable(event("parent-failed-2018", status=""))
    again = unreadable(dead)

    assert again["record"] == dead["record"]
    fixed = dead | {"record": dead["record"] | {"detail": dead["record"]["detail"] | {"status": "FAILED"}}}
    job = parse_record(json.dumps(fixed), now=5.0)
    assert isinstance(job, Job)
    assert job.key == Job.from_event(event("parent-failed-2018")).key


def test_an_error_in_our_own_parser_costs_only_that_record(event, monkeypatch):
    def mistaken(body):
        raise ZeroDivisionError("hunter2")

    monkeypatch.setattr(Job, "from_event", mistaken)
    dead = unreadable(event("parent-failed"))

    assert dead["reason"] == "the record could not be read: ZeroDivisionError"
    assert dead["record"]["detail"]["jobId"] == "0f5c1d7e-93ab-4d0c-8b11-2f6a7c9e4b02"


ODD: list[Any] = [
    None,
    True,
    -1,
    10**400,
    1e300,
    float("nan"),
    "",
    "\ud800",
    "x" * 3_000,
    [],
    [[]],
    {},
    {"a": {"b": []}},
]


def test_no_record_raises_another_exception(event):
    """Events and tickets with random parts replaced by what nobody expects there."""
    chance = random.Random(7)
    job = parse_record(json.dumps(event("parent-failed")), now=5.0)
    assert isinstance(job, Job)
    originals = [event(name) for name in ("parent-failed", "child-failed-ec2", "single-failed", "queue-blocked")]
    originals.append(json.loads(Ticket(compose(job, Failures()), "ops", "busy", 4.0).to_body()))
    parsed, sizes = [], []
    for _ in range(3_000):
        record = json.loads(json.dumps(chance.choice(originals)))
        for _ in range(chance.randint(1, 4)):
            replace_a_part(record, chance)
        try:
            parsed.append(parse_record(json.dumps(record), now=5.0))
        except UnreadableRecord as refused:
            sizes.append(len(refused.dead.to_body(6.0)))

    assert max(sizes) < 100_000
    assert 300 < len(parsed) < 2_900
    for job in parsed:
        if isinstance(job, Job):
            compose(job, Failures()).to_json().encode()


def replace_a_part(value, chance):
    while True:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        if not keys:
            return
        key = chance.choice(list(keys))
        if isinstance(value[key], dict | list) and value[key] and chance.random() < 0.7:
            value = value[key]
            continue
        value[key] = copy.deepcopy(chance.choice(ODD))
        return
