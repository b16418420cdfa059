"""Stack config, as Pulumi hands it over, on its way to settings; and Pulumi.yaml, which declares its keys."""

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
    """Pulumi hands every value over as text, lists as JSON."""
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


def test_stack_config_is_flat_and_every_value_is_text():
    settings = from_config(
        environment_name="print-color",
        environment_max_vcpus="8",
        environment_vcpus="2",
        function_python_version="3.12",
        single_jobs="true",
    )

    assert (settings.environment.max_vcpus, settings.environment.vcpus) == (8, "2")
    assert (settings.function.python_version, settings.single_jobs) == ("3.12", True)


def test_an_unknown_key_is_told_with_the_nearest_one():
    (told,) = mistakes(job_queue_arn=[QUEUE])

    assert told.startswith("batchbell:job_queue_arn: no such setting; did you mean job_queue_arns?")


def test_a_secret_that_was_set_in_plain_is_told_without_being_shown():
    (told,) = mistakes(slackWebhook="https://hooks.slack.com/services/T0/B0/notarealtoken")

    assert "`pulumi config set --secret slackWebhook`" in told
    assert "notarealtoken" not in told


def test_a_setting_that_was_set_as_a_secret_is_not_dropped_silently():
    (told,) = mistakes(secrets=["job_queue_arns"])

    assert told.startswith("batchbell:job_queue_arns: is encrypted, and it is a setting and no secret")
    assert "`pulumi config set job_queue_arns VALUE`" in told


def test_a_secret_that_was_set_inside_the_list_of_notifiers_is_told_with_the_way_out():
    (told,) = mistakes(secrets=["notifiers"])

    assert told.startswith("batchbell:notifiers: is encrypted")
    assert "{config: slackWebhook}" in told


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("statuses", [], "statuses: got an empty list; takes at least one item"),
        ("statuses", "", "statuses: got ''; takes a list of"),
        ("statuses", False, "statuses: got false; takes a list of"),
        ("single_jobs", "maybe", "single_jobs: got 'maybe'; takes true or false"),
        ("function_timeout", "long", "function_timeout: got 'long'; takes whole seconds"),
        ("function_architecture", "", "function_architecture: got ''; takes one of arm64, x86_64"),
    ],
)
def test_what_is_empty_or_of_another_kind_is_a_mistake_and_not_the_default(key, value, told):
    (mistake,) = mistakes(**{key: value})

    assert mistake.startswith(f"batchbell:{told}")


@pytest.mark.parametrize("key", ["environment_image", "environment_name"])
def test_a_name_of_spaces_is_refused(key):
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
def test_settings_of_an_environment_that_is_not_made_are_refused(key, value, got):
    (told,) = mistakes(**{f"environment_{key}": value, "environment_name": ""})

    assert told == (
        f"batchbell:environment_{key}: got {got}, and no environment is made; takes batchbell:environment_name beside "
        "it, for example print-color"
    )


@pytest.fixture
def declared(project):
    return yaml.safe_load((project / "Pulumi.yaml").read_text())["config"]


def test_the_defaults_of_pulumi_yaml_are_no_mistakes(declared):
    settings = from_config(
        **{key: item["default"] for key, item in declared.items() if key not in ("notifiers", "job_queue_arns")}
    )

    assert settings == from_config()


def test_with_the_defaults_of_pulumi_yaml_alone_nobody_is_told_of_nothing(declared):
    told = mistakes(**{key: item["default"] for key, item in declared.items()})

    assert [one.split(";")[0] for one in told] == [
        "batchbell:notifiers: nobody would be told",
        "batchbell:job_queue_arns: nothing to watch",
    ]
