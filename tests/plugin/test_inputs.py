"""What the engine passes to the component, read as the arguments of ArrayJobNotifier."""

from __future__ import annotations

import asyncio

import pulumi
import pytest
from pulumi.runtime import rpc

from plugin.inputs import read_inputs

QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/nightly"
URN = "urn:pulumi:dev::colors::aws:batch/jobQueue:JobQueue::nightly"
SECRET = "https://hooks.slack.com/services/T0/B0/secret"


def secret(value):
    return {rpc._special_sig_key: rpc._special_secret_sig, "value": value}


def output(**parts):
    return {rpc._special_sig_key: rpc._special_output_value_sig, **parts}


@pytest.fixture(autouse=True)
def loop():
    """Outputs belong to an event loop."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield loop
    asyncio.set_event_loop(None)
    loop.close()


def notifier(**settings):
    return {"notifiers": [{"type": "slack", "name": "ops", **settings}]}


def read_notifier(**settings):
    return read_inputs(notifier(**settings), {})["notifiers"][0]


def test_names_are_in_snake_case_and_whole_numbers_are_ints_at_every_depth():
    read = read_inputs(
        {
            "stalledAfter": 60.0,
            "environment": {"maxVcpus": 4.0, "logRetentionDays": 30.5},
            "overdueAfter": [{"minutes": 480.0}],
            "notifiers": [{"digestAfter": 2.0, "webhook": {"kmsKeyArn": "key"}}],
        },
        {},
    )

    assert read == {
        "stalled_after": 60,
        "environment": {"max_vcpus": 4, "log_retention_days": 30.5},
        "overdue_after": [{"minutes": 480}],
        "notifiers": [{"digest_after": 2, "webhook": {"kms_key_arn": "key"}}],
    }
    assert all(type(one) is int for one in (read["stalled_after"], read["environment"]["max_vcpus"]))


def test_keys_that_the_user_chose_and_unknown_names_stay_as_they_are():
    assert read_inputs({"tags": {"costCentre": "4711"}, "maxVcpus": 4.0}, {}) == {
        "tags": {"costCentre": "4711"},
        "maxVcpus": 4,
    }
    assert read_notifier(mentions={"aliceB": ["U1"]})["mentions"] == {"aliceB": ["U1"]}


def test_settings_of_somebody_elses_notifier_stand_beside_the_others():
    assert read_notifier(settings={"room_id": 3.0, "type": "x"}) == {"type": "slack", "name": "ops", "room_id": 3}


def test_null_is_no_value():
    assert read_inputs({"tags": None, **notifier(jobs=None)}, {}) == notifier()


@pytest.mark.parametrize("value", [secret(SECRET), output(value=SECRET, secret=True)])
def test_a_known_secret_in_its_place_is_passed_on_for_the_check_of_all_settings(value):
    assert read_notifier(webhook={"value": value})["webhook"] == {"value": SECRET}


@pytest.mark.parametrize("value", [rpc.UNKNOWN, output(), output(secret=True)])
def test_what_is_unknown_is_an_output(loop, value):
    (arn,) = read_inputs({"jobQueueArns": [value]}, {"jobQueueArns": [URN]})["job_queue_arns"]

    assert isinstance(arn, pulumi.Output)
    assert not loop.run_until_complete(arn.is_known())


def test_a_secret_anywhere_else_is_a_secret_output_and_what_is_around_it_is_plain(loop):
    read = read_notifier(channel=secret("C0123456789"))

    assert read["name"] == "ops"
    assert loop.run_until_complete(read["channel"].is_secret())


def test_an_object_that_is_secret_as_a_whole_has_secret_values_only():
    read = read_inputs({"environment": secret({"name": "colors", "command": ["echo"]})}, {})["environment"]

    assert isinstance(read["name"], pulumi.Output) and isinstance(read["command"][0], pulumi.Output)


def test_an_arn_of_another_resource_comes_from_it_and_a_name_is_plain(loop):
    inputs = {"jobQueueArns": [QUEUE], "environment": {"name": output(value="colors", dependencies=[URN])}}
    read = read_inputs(inputs, {"jobQueueArns": [URN]})
    (resource,) = loop.run_until_complete(read["job_queue_arns"][0].resources())

    assert loop.run_until_complete(resource.urn.future()) == URN
    assert loop.run_until_complete(read["job_queue_arns"][0].future()) == QUEUE
    assert read["environment"] == {"name": "colors"}
