from __future__ import annotations

import asyncio

import pulumi
import pytest

from batchbell.provisioning import Context
from components.settings import InvalidSettings, check_settings
from components.stack_config import config_keys, settings_from_config

QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/nightly"
MAIL = {"type": "email", "name": "team", "sender": "batch@example.com", "recipients": ["a@example.com"]}
SLACK = {"type": "slack", "name": "ops", "webhook": {"config": "slackWebhook"}}
WEBHOOK = "https://hooks.slack.com/services/T0000/B0000/notarealtoken"
HERE = Context("nightly", "aws", "us-east-1", "123456789012")


def check(secrets=None, **raw):
    given = {"notifiers": [MAIL], "job_queue_arns": [QUEUE]} | raw
    return check_settings(given, secrets=secrets or {}, context=HERE, prefix="batchbell:")


def mistakes(secrets=None, **raw):
    with pytest.raises(InvalidSettings) as invalid:
        check(secrets, **raw)
    return [str(mistake) for mistake in invalid.value.mistakes]


def only_mistake(secrets=None, **raw):
    (mistake,) = mistakes(secrets, **raw)
    return mistake


def test_good_settings_have_aws_defaults_and_not_this_machines():
    settings = check()

    assert settings.statuses == ("SUCCEEDED", "FAILED")
    assert (settings.function.python_version, settings.function.architecture) == ("3.13", "arm64")
    assert settings.environment is None


@pytest.mark.parametrize(
    ("raw", "path", "says"),
    [
        ({"notifiers": []}, "batchbell:notifiers", "nobody would be told"),
        ({"notifiers": "slack"}, "batchbell:notifiers", "takes a list"),
        ({"notifiers": ["slack"]}, "batchbell:notifiers[0]", "takes an object"),
        ({"notifiers": [MAIL | {"type": "emial"}]}, "batchbell:notifiers[0].type", "did you mean email?"),
        ({"notifiers": [MAIL, MAIL]}, "batchbell:notifiers[1].name", "names are unique"),
        ({"notifiers": [MAIL | {"name": "a b"}]}, "batchbell:notifiers[0].name", "got 'a b'"),
        ({"notifiers": [MAIL | {"statuses": ["DONE"]}]}, "batchbell:notifiers[0].statuses", "['DONE']"),
        ({"notifiers": [MAIL | {"jobs": "nightly"}]}, "batchbell:notifiers[0].jobs", "patterns of job names"),
        ({"notifiers": [MAIL | {"recipients": ["nobody"]}]}, "batchbell:notifiers[0].recipients", "example"),
        ({"notifiers": [MAIL | {"recipient": "x"}]}, "batchbell:notifiers[0].recipient", "did you mean recipients?"),
        ({"statuses": ["SUCEEDED"]}, "batchbell:statuses[0]", "got 'SUCEEDED'"),
        ({"statuses": []}, "batchbell:statuses", "at least one"),
        ({"job_queue_arns": ["nightly"]}, "batchbell:job_queue_arns[0]", "takes the ARN of a job queue"),
        ({"job_definition_arns": [QUEUE]}, "batchbell:job_definition_arns[0]", "takes the ARN of a job definition"),
        ({"job_queue_arns": []}, "batchbell", "nothing to watch"),
        ({"environment": {"name": "x", "platform": "EC3"}}, "batchbell:environment_platform", "EC2, SPOT, FARGATE"),
        ({"environment": {"name": "x y"}}, "batchbell:environment_name", "letters, digits"),
        ({"environment": {"name": "x", "subnet_ids": ["x"]}}, "batchbell:environment_subnet_ids", "subnet-0123"),
        (
            {
                "environment": {
                    "name": "x",
                    "platform": "FARGATE",
                    "instance_policy_arns": ["arn:aws:iam::aws:policy/X"],
                }
            },
            "batchbell:environment",
            "EC2 and SPOT only",
        ),
        ({"function": {"python_version": "2.7"}}, "batchbell:function_python_version", "3.11, 3.12, 3.13"),
        ({"function": {"timeout": 1}}, "batchbell:function_timeout", "got 1"),
        (
            {"job_queue_arns": [QUEUE.replace("us-east-1", "eu-west-1")]},
            "batchbell:job_queue_arns[0]",
            "not in this stack's region us-east-1",
        ),
        (
            {"job_queue_arns": [QUEUE.replace("123456789012", "210987654321")]},
            "batchbell:job_queue_arns[0]",
            "account 123456789012",
        ),
    ],
)
def test_a_mistake_is_told_with_its_path_and_what_it_takes(raw, path, says):
    mistake = only_mistake(**raw)

    assert mistake.partition(": ")[0] == path
    assert says in mistake


def test_all_mistakes_are_told_at_once():
    told = mistakes(
        notifiers=[MAIL | {"type": "slak"}, MAIL | {"name": "other", "sender": "nobody"}, SLACK | {"webhook": WEBHOOK}],
        statuses=["DONE"],
        job_queue_arns=["nightly"],
        function={"architecture": "sparc"},
    )

    assert len(told) == 6


def test_a_plain_secret_is_refused_with_the_command_and_never_shown():
    told = only_mistake(notifiers=[SLACK | {"webhook": WEBHOOK}])

    assert "pulumi config set --secret" in told
    assert "notarealtoken" not in told


@pytest.mark.parametrize(
    "webhook", [{}, {"ssm": "/slack"}, {"config": "a", "ssm": "arn:aws:ssm:x:1:y"}, {"smm": "x"}, 7]
)
def test_a_malformed_reference_is_refused(webhook):
    assert any("notifiers[0].webhook" in told for told in mistakes(notifiers=[SLACK | {"webhook": webhook}]))


def test_a_secret_that_is_not_set_is_told_with_the_command_that_sets_it():
    assert "pulumi config set --secret slackWebhook" in only_mistake(notifiers=[SLACK])


def test_a_secret_that_cannot_be_one_is_told_without_being_shown():
    told = only_mistake({"slackWebhook": "https://example.com/notarealtoken"}, notifiers=[SLACK])

    assert "https://hooks.slack.com/services/" in told
    assert "notarealtoken" not in told


def test_a_webhook_on_this_machine_is_refused_for_a_real_aws(monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    secrets = {"slackWebhook": "http://127.0.0.1:8080/services/T0/B0/x"}

    assert "this machine" in only_mistake(secrets, notifiers=[SLACK])


def test_secrets_that_are_not_at_hand_are_not_judged():
    raw = {"notifiers": [SLACK], "job_queue_arns": [QUEUE]}

    assert check_settings(raw, secrets=None, context=None).notifiers[0].name == "ops"


@pytest.fixture
def event_loop_of_pulumi():
    """Outputs want one, as a program has it."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.mark.usefixtures("event_loop_of_pulumi")
def test_arns_and_secrets_may_be_outputs():
    arn = pulumi.Output.from_input(QUEUE)
    settings = check(job_queue_arns=[arn], notifiers=[SLACK | {"webhook": pulumi.Output.secret(WEBHOOK)}])

    assert settings.job_queue_arns == (arn,)


def test_a_secret_that_a_program_gives_in_plain_is_checked_at_once():
    assert "https://hooks.slack.com" in only_mistake(notifiers=[SLACK | {"webhook": {"value": "https://example.com"}}])


def from_config(**plain):
    return settings_from_config(plain, secrets={}, context=HERE, prefix="batchbell:")


def test_stack_config_is_flat_and_every_value_is_text():
    settings = from_config(
        notifiers='[{"type": "email", "name": "team", "sender": "a@example.com", "recipients": ["a@example.com"]}]',
        environment_name="print-color",
        environment_max_vcpus="8",
        environment_vcpus="0.25",
        function_python_version="3.12",
        single_jobs="true",
    )

    assert (settings.environment.max_vcpus, settings.environment.vcpus) == (8, "0.25")
    assert (settings.function.python_version, settings.single_jobs) == ("3.12", True)


def test_an_unknown_key_is_told_with_the_nearest_one():
    with pytest.raises(InvalidSettings, match=r"job_queue_arn: no such setting; did you mean job_queue_arns\?"):
        from_config(job_queue_arn=f'["{QUEUE}"]')


def test_the_defaults_of_pulumi_yaml_make_no_environment(project):
    import yaml

    declared = yaml.safe_load((project / "Pulumi.yaml").read_text())["config"]
    assert set(declared) == set(config_keys())
    with pytest.raises(InvalidSettings) as invalid:
        from_config(
            **{key: "" if item["default"] in ("", []) else str(item["default"]) for key, item in declared.items()}
        )
    assert {mistake.path for mistake in invalid.value.mistakes} >= {"batchbell:notifiers"}
    assert not any("environment" in mistake.path for mistake in invalid.value.mistakes)


def test_pulumi_yaml_declares_each_key_with_the_default_of_the_settings(project):
    import yaml

    declared = yaml.safe_load((project / "Pulumi.yaml").read_text())["config"]
    for name, key in config_keys().items():
        default = key.field.get_default()
        harmless = "" if name == "environment_name" else [] if name == "notifiers" else default
        assert declared[name]["default"] == (list(harmless) if isinstance(harmless, tuple) else harmless), name
        assert declared[name]["description"], name
