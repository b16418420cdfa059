"""Settings from stack config as Pulumi passes it, and the keys that Pulumi.yaml declares."""

from __future__ import annotations

import json

import pytest
import yaml

from batchbell.provisioning import Context
from components.settings.mistakes import InvalidSettings
from components.settings.stack_config import settings_from_config

QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/nightly"
MAIL = {"type": "email", "name": "team", "sender": "a@example.com", "recipients": ["a@example.com"]}
HERE = Context("nightly", "aws", "us-east-1", "123456789012")


def from_config(secrets=(), **given):
    """Pulumi passes every value as a string, lists as JSON."""
    good = {"notifiers": [MAIL], "job_queue_arns": [QUEUE]} | given
    plain = {key: value if isinstance(value, str) else json.dumps(value) for key, value in good.items()}
    return settings_from_config(
        {key: value for key, value in plain.items() if key not in secrets},
        secrets={key: plain.get(key, "x") for key in secrets},
        context=HERE,
        prefix="batchbell:",
    )


def mistakes(secrets=(), **given):
    with pytest.raises(InvalidSettings) as invalid:
        from_config(secrets, **given)
    return [str(mistake) for mistake in invalid.value.mistakes]


def test_stack_config_is_flat_and_every_value_is_a_string():
    settings = from_config(
        environment_name="print-color",
        environment_max_vcpus="8",
        environment_vcpus="2",
        function_python_version="3.12",
        single_jobs="true",
    )

    assert (settings.environment.max_vcpus, settings.environment.vcpus) == (8, "2")
    assert (settings.function.python_version, settings.single_jobs) == ("3.12", True)


def test_an_unknown_key_is_reported_with_the_most_similar_one():
    (reported,) = mistakes(job_queue_arn=[QUEUE])

    assert reported.startswith("batchbell:job_queue_arn: no such setting; did you mean job_queue_arns?")


def test_a_secret_that_was_set_in_plain_is_reported_without_being_shown():
    (reported,) = mistakes(slackWebhook="https://hooks.slack.com/services/T0/B0/notarealtoken")

    assert "`pulumi config set --secret slackWebhook`" in reported
    assert "notarealtoken" not in reported


def test_a_setting_that_was_set_as_a_secret_is_reported():
    (reported,) = mistakes(secrets=["job_queue_arns"])

    assert reported.startswith("batchbell:job_queue_arns: is encrypted, but is not a secret")
    assert "`pulumi config set job_queue_arns VALUE`" in reported


def test_a_secret_that_was_set_inside_the_list_of_notifiers_is_reported_with_the_fix():
    (reported,) = mistakes(secrets=["notifiers"])

    assert reported.startswith("batchbell:notifiers: is encrypted")
    assert "{config: slackWebhook}" in reported


@pytest.mark.parametrize(
    ("key", "value", "reported"),
    [
        ("statuses", [], "statuses: got an empty list; takes at least one item"),
        ("statuses", "", "statuses: got ''; takes a list of"),
        ("statuses", False, "statuses: got false; takes a list of"),
        ("single_jobs", "maybe", "single_jobs: got 'maybe'; takes true or false"),
        ("function_timeout", "long", "function_timeout: got 'long'; takes whole seconds"),
        ("function_architecture", "", "function_architecture: got ''; takes one of arm64, x86_64"),
    ],
)
def test_a_value_that_is_empty_or_of_another_type_does_not_become_the_default(key, value, reported):
    (mistake,) = mistakes(**{key: value})

    assert mistake.startswith(f"batchbell:{reported}")


@pytest.mark.parametrize("key", ["environment_image", "environment_name"])
def test_a_name_that_is_blank_is_refused(key):
    (mistake,) = mistakes(**{"environment_name": "x", key: " "})

    assert mistake.startswith(f"batchbell:{key}: got ' '; takes")


@pytest.mark.parametrize(
    ("key", "value", "got"),
    [
        ("platform", "SPOT", "'SPOT'"),
        ("max_vcpus", "8", "8"),
        ("command", ["sh"], "a list of 1"),
        ("vcpus", "2", "'2'"),
    ],
)
def test_settings_of_an_environment_that_is_not_created_are_refused(key, value, got):
    (reported,) = mistakes(**{f"environment_{key}": value, "environment_name": ""})

    assert reported == (
        f"batchbell:environment_{key}: got {got}, but no environment is created; also set "
        "batchbell:environment_name, for example print-color"
    )


@pytest.fixture
def declared(project):
    config = yaml.safe_load((project / "Pulumi.yaml").read_text())["config"]
    return {key: item for key, item in config.items() if ":" not in key}


def test_the_defaults_of_pulumi_yaml_are_valid(declared):
    settings = from_config(
        **{key: item["default"] for key, item in declared.items() if key not in ("notifiers", "job_queue_arns")}
    )

    assert settings == from_config()


def test_with_only_the_defaults_of_pulumi_yaml_notifiers_and_queues_are_missing(declared):
    reported = mistakes(**{key: item["default"] for key, item in declared.items()})

    assert [one.split(";")[0] for one in reported] == [
        "batchbell:notifiers: nobody would get messages",
        "batchbell:job_queue_arns: nothing to watch",
    ]


@pytest.mark.parametrize(("key", "inner"), [("environment", "environment_"), ("function", "function_")])
def test_a_group_of_settings_is_no_key_of_its_own(key, inner):
    (reported,) = mistakes(**{key: "{}"})

    assert f"batchbell:{key}: no such setting; each setting in it is a key of its own, such as {inner}" in reported


@pytest.mark.parametrize(
    ("key", "meant"),
    [("jobQueueArns", "job_queue_arns"), ("max_vcpus", "environment_max_vcpus"), ("timezone", "time_zone")],
)
def test_another_spelling_or_a_part_of_a_key_is_recognised(key, meant):
    (reported,) = mistakes(**{key: "x"})

    assert reported == f"batchbell:{key}: no such setting; did you mean {meant}?"


@pytest.mark.parametrize("key", ["notifierToken", "slackWebhook", "function_memory", "queue"])
def test_a_key_that_only_resembles_a_setting_has_the_guidance_for_a_secret(key):
    (reported,) = mistakes(**{key: "x"})

    assert f"; a secret is set with `pulumi config set --secret {key}`" in reported
    assert "did you mean" not in reported
