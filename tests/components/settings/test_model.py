from __future__ import annotations

import pulumi
import pytest

from batchbell.provisioning import Context
from components.deployment_context import find_deployment_context
from components.settings.mistakes import InvalidSettings
from components.settings.model import check_settings

QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/nightly"
TOPIC = "arn:aws:sns:us-east-1:123456789012:on-call"
LOGS = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/batch/job"
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


def test_defaults_do_not_depend_on_this_machine():
    settings = check()

    assert settings.statuses == ("SUCCEEDED", "FAILED")
    assert (settings.function.python_version, settings.function.architecture) == ("3.13", "arm64")
    assert settings.environment is None


def own(**environment):
    """Settings that create a Batch environment."""
    return {"environment": {"name": "x"} | environment}


@pytest.mark.parametrize(
    ("raw", "reported"),
    [
        ({"statuses": ["SUCEEDED"]}, "statuses[0]: got 'SUCEEDED'; takes one of PENDING, RUNNABLE, STARTING"),
        (
            {"statuses": ["SUBMITTED"], "single_jobs": True},
            "statuses[0]: got 'SUBMITTED', for which AWS Batch sends no event; the first state with one is PENDING",
        ),
        ({"statuses": []}, "statuses: got an empty list; takes at least one item, for example [FAILED]"),
        ({"statuses": "FAILED"}, "statuses: got 'FAILED'; takes a list of PENDING, RUNNABLE"),
        ({"statuses": False}, "statuses: got false; takes a list of"),
        ({"single_jobs": "maybe"}, "single_jobs: got 'maybe'; takes true or false, for example true"),
        (
            {"job_queue_arns": ["nightly"]},
            "job_queue_arns[0]: got 'nightly'; takes the ARN of a job queue, for example",
        ),
        (
            {"job_queue_arns": QUEUE},
            f"job_queue_arns: got '{QUEUE}'; takes a list of ARNs of job queues, for example [",
        ),
        ({"job_definition_arns": [QUEUE]}, f"job_definition_arns[0]: got '{QUEUE}'; takes the ARN of a job definition"),
        (
            {"time_zone": "Europe/Berlln"},
            "time_zone: got 'Europe/Berlln'; takes a name from the IANA time zone database",
        ),
        (
            {"time_zone": "CEST"},
            "time_zone: got 'CEST'; takes a name from the IANA time zone database, for ex",
        ),
        ({"time_zone": "../../etc/passwd"}, "time_zone: got '../../etc/passwd'; takes a name from the IANA"),
        ({"queue_blocked": "maybe"}, "queue_blocked: got 'maybe'; takes true or false, for example false"),
        (own(platform="EC3"), "environment_platform: got 'EC3'; takes one of EC2, SPOT, FARGATE, FARGATE_SPOT, for"),
        (own(name="x y"), "environment_name: got 'x y'; takes 1 to 91 letters, digits, - and _, for example"),
        (own(name="x" * 92), "environment_name: got a string of 92 characters; takes 1 to 91 letters"),
        (own(max_vcpus=0), "environment_max_vcpus: got 0; takes a whole number from 1 to 100000, for example 64"),
        (
            own(subnet_ids=["x"]),
            "environment_subnet_ids[0]: got 'x'; takes a subnet ID, for example subnet-0123",
        ),
        (
            own(instance_policy_arns=["x"]),
            "environment_instance_policy_arns[0]: got 'x'; takes the ARN of an IAM policy",
        ),
        (own(instance_types=[]), "environment_instance_types: got an empty list; takes at least one item, for example"),
        (
            own(instance_types=["c5", ""]),
            "environment_instance_types[1]: got ''; takes an instance type or family, for",
        ),
        (own(image="  "), "environment_image: got '  '; takes a container image, for example python:3.13-slim"),
        (own(command=["", "-c"]), "environment_command: got a list of 2; takes a list that begins with the program"),
        (own(command=[7]), "environment_command[0]: got 7; takes a word of the command, for example sleep"),
        (own(platfrom="EC2"), "environment_platfrom: no such setting; did you mean platform?"),
        ({"function": {"python_version": "2.7"}}, "function_python_version: got '2.7'; takes one of 3.11, 3.12, 3.13"),
        ({"function": {"timeout": 1}}, "function_timeout: got 1; takes whole seconds from 3 to 120, for example 60"),
        (
            {"function": {"timeout": 3.5}},
            "function_timeout: got 3.5; takes whole seconds from 3 to 120, for example 60",
        ),
        (
            {"job_queue_arns": [QUEUE.replace("us-east-1", "eu-west-1")]},
            f"job_queue_arns[0]: got '{QUEUE.replace('us-east-1', 'eu-west-1')}', which is not in this stack's region "
            "us-east-1",
        ),
        (
            {"job_queue_arns": [QUEUE.replace("123456789012", "210987654321")]},
            f"job_queue_arns[0]: got '{QUEUE.replace('123456789012', '210987654321')}', which is not in this stack's "
            "region us-east-1 and account 123456789012",
        ),
        (
            {"log_group_arns": [LOGS.replace("123456789012", "210987654321")]},
            f"log_group_arns[0]: got '{LOGS.replace('123456789012', '210987654321')}', which is not in this stack's "
            "account 123456789012",
        ),
        (
            {"log_group_arns": [LOGS.replace("arn:aws:", "arn:aws-us-gov:")]},
            "log_group_arns[0]: got 'arn:aws-us-gov:logs:us-east-1:123456789012:log-group:/aws/batch/job', which is "
            "not in this stack's account 123456789012",
        ),
        (
            {"log_group_arns": [f"{LOGS}/{number:0400}" for number in range(50)]},
            "log_group_arns: got a list of 50; takes log groups whose ARNs have at most 6,000 characters together",
        ),
        *(
            ({"log_group_arns": [wrong]}, f"log_group_arns[0]: got {wrong!r}; takes the ARN of a log group, without")
            for wrong in (f"{LOGS}/*", f"{LOGS}:log-stream:*", "/aws/batch/job", f"{LOGS}\n")
        ),
        *(
            (
                {"alarm_topic_arn": wrong},
                f"alarm_topic_arn: got {wrong!r}; takes the ARN of a standard SNS topic, for example arn:aws:sns:",
            )
            for wrong in ("on-call", 7, QUEUE, f"{TOPIC}.fifo", f"{TOPIC}:6b0e71bd", TOPIC[:-7] + "*")
        ),
        (
            {"alarm_topic_arn": TOPIC.replace("us-east-1", "eu-west-1")},
            f"alarm_topic_arn: got '{TOPIC.replace('us-east-1', 'eu-west-1')}'; takes the ARN of a standard SNS topic "
            "in the stack's region us-east-1, for example arn:aws:sns:us-east-1:",
        ),
    ],
)
def test_a_mistake_is_reported_with_its_path_the_value_what_it_takes_and_an_example(raw, reported):
    assert only_mistake(**raw).startswith(f"batchbell:{reported}")


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_fifty_log_groups_may_be_read_in_any_region(region):
    arns = tuple(LOGS.replace("us-east-1", region) + f"/team-{number}:*" for number in range(50))

    assert check(log_group_arns=list(arns)).log_group_arns == arns


@pytest.mark.parametrize("topic", ["", TOPIC, TOPIC.replace("123456789012", "210987654321")])
def test_the_alarm_topic_may_be_missing_or_in_another_account(topic):
    assert check(alarm_topic_arn=topic).alarm_topic_arn == topic


def test_paths_look_as_in_the_program_that_gave_the_settings():
    with pytest.raises(InvalidSettings) as invalid:
        check_settings(
            {"notifiers": [MAIL], "environment": {"name": "x", "platform": "EC3"}, "function": {"timeout": 1}},
            secrets={},
            context=HERE,
        )

    assert [mistake.path for mistake in invalid.value.mistakes] == ["environment.platform", "function.timeout"]


@pytest.mark.parametrize("group", ["environment", "function"])
def test_a_group_that_is_not_an_object_is_reported_in_plain_words(group):
    reported = only_mistake(**{group: "x"})

    assert reported.startswith(f"batchbell:{group}: got 'x'; takes an object, for example {{")


def test_nothing_to_watch_is_reported_together_with_all_other_mistakes():
    reported = mistakes(job_queue_arns=[], statuses=["DONE"], function={"timeout": 1})

    assert len(reported) == 3
    assert any(
        one.startswith("batchbell:job_queue_arns: nothing to watch; takes at least one job queue") for one in reported
    )


def test_settings_without_anything_to_watch_are_refused():
    with pytest.raises(InvalidSettings, match="job_queue_arns: nothing to watch"):
        check_settings({"notifiers": [MAIL]}, secrets={}, context=HERE)


@pytest.mark.parametrize("wrong", [{"job_definition_arns": ["x"]}, {"environment": {"name": "x y"}}])
def test_a_wrong_arn_or_environment_is_not_also_reported_as_nothing_to_watch(wrong):
    assert "nothing to watch" not in only_mistake(job_queue_arns=[], **wrong)


@pytest.mark.parametrize(
    ("key", "value"), [("instance_types", ["c5"]), ("instance_policy_arns", ["arn:aws:iam::aws:policy/X"])]
)
def test_instances_on_fargate_are_reported_together_with_other_mistakes(key, value):
    reported = mistakes(**own(platform="FARGATE", max_vcpus=0, **{key: value}))

    assert len(reported) == 2
    assert f"batchbell:environment_{key}: got a list of 1; takes nothing on Fargate" in reported[1]


@pytest.mark.parametrize(
    ("platform", "vcpus", "memory"),
    [
        *(("EC2", vcpus, 64) for vcpus in ("", "1", "96")),
        *(("FARGATE", vcpus, memory) for vcpus in ("", "0.25") for memory in (512, 1024, 2048)),
        *(("FARGATE", "0.5", memory) for memory in (1024, 2048, 3072, 4096)),
        ("FARGATE_SPOT", "1", 8192),
        ("FARGATE", "2", 4096),
        ("FARGATE", "4", 30720),
        ("FARGATE", "8", 16384 + 4096),
        ("FARGATE", "16", 122880),
    ],
)
def test_job_sizes_that_aws_accepts_are_accepted(platform, vcpus, memory):
    settings = check(**own(platform=platform, vcpus=vcpus, memory=memory))

    assert (settings.environment.vcpus, settings.environment.memory) == (vcpus, memory)


@pytest.mark.parametrize(
    ("platform", "vcpus", "memory", "reported"),
    [
        *(
            ("SPOT", vcpus, 512, f"environment_vcpus: got '{vcpus}'; takes a whole number of at least 1 on EC2")
            for vcpus in ("0", "0.25", "01", "1.0", "\u0661", "1 ")
        ),
        ("FARGATE", "3", 8192, "environment_vcpus: got '3'; takes one of 0.25, 0.5, 1, 2, 4, 8, 16 on Fargate"),
        ("FARGATE", "", 4096, "environment_memory: got 4096; takes one of 512, 1024, 2048 (MiB) with 0.25 vCPUs"),
        ("FARGATE", "1", 512, "environment_memory: got 512; takes 2048 to 8192 in steps of 1024 (MiB) with 1 vCPUs"),
        ("FARGATE", "8", 17408, "environment_memory: got 17408; takes 16384 to 61440 in steps of 4096 (MiB)"),
        ("FARGATE", "16", 131072, "environment_memory: got 131072; takes 32768 to 122880 in steps of 8192 (MiB)"),
    ],
)
def test_job_sizes_that_aws_refuses_are_refused(platform, vcpus, memory, reported):
    assert only_mistake(**own(platform=platform, vcpus=vcpus, memory=memory)).startswith(f"batchbell:{reported}")


def test_the_default_memory_must_fit_the_vcpus_too():
    assert "environment_memory: got 512" in only_mistake(**own(platform="FARGATE", vcpus="2"))


@pytest.mark.parametrize("status", ["RUNNABLE", "STARTING", "RUNNING"])
def test_a_state_that_no_array_parent_has_needs_single_jobs(status):
    reported = only_mistake(statuses=[status])

    assert reported.startswith(f"batchbell:statuses[0]: got '{status}', which no array job ever has as a whole")
    assert check(statuses=[status], single_jobs=True).statuses == (status,)


def test_all_mistakes_are_reported_at_once():
    reported = mistakes(
        notifiers=[MAIL | {"type": "slak"}, MAIL | {"name": "other", "sender": "nobody"}, SLACK | {"webhook": 7}],
        statuses=["DONE"],
        job_queue_arns=["nightly"],
        function={"architecture": "sparc"},
    )

    assert len(reported) == 6


@pytest.mark.usefixtures("event_loop_of_pulumi")
def test_arns_and_secrets_may_be_outputs():
    arn, topic = pulumi.Output.from_input(QUEUE), pulumi.Output.from_input(TOPIC)
    slack = SLACK | {"webhook": pulumi.Output.secret(WEBHOOK)}
    settings = check(job_queue_arns=[arn], notifiers=[slack], alarm_topic_arn=topic)

    assert settings.job_queue_arns == (arn,)
    assert settings.alarm_topic_arn is topic


@pytest.mark.usefixtures("event_loop_of_pulumi")
@pytest.mark.parametrize("key", ["job_queue_arns", "job_definition_arns"])
def test_a_list_that_is_one_output_is_refused(key):
    reported = only_mistake(**{key: pulumi.Output.from_input([QUEUE])})

    assert reported.startswith(
        f"batchbell:{key}: got an Output; takes a list whose items may be Outputs, for example [arn:"
    )


@pytest.mark.usefixtures("event_loop_of_pulumi")
def test_a_setting_that_must_be_plain_may_not_be_an_output():
    reported = only_mistake(**own(name=pulumi.Output.from_input("x")))

    assert reported.startswith(
        "batchbell:environment_name: got an Output, which is not known before anything is created;"
    )


@pytest.mark.parametrize("secret", ["https://hooks.slack.com/x", "0123456789abcdef0123456789abcdef"])
@pytest.mark.parametrize(
    "place",
    [
        lambda secret: {"statuses": [secret]},
        lambda secret: {"statuses": secret},
        lambda secret: {"job_queue_arns": [secret]},
        lambda secret: {"job_definition_arns": [secret]},
        lambda secret: {"alarm_topic_arn": secret},
        lambda secret: {"function": {"architecture": secret}},
        lambda secret: {"function": {secret: 1}},
        lambda secret: own(subnet_ids=[secret], name=secret + " "),
        lambda secret: {"notifiers": [MAIL | {"name": secret + " "}]},
        lambda secret: {"notifiers": [MAIL | {"type": secret}]},
        lambda secret: {"notifiers": [MAIL | {"statuses": [secret], "jobs": secret}]},
        lambda secret: {"notifiers": [MAIL | {"sender": secret, "recipients": [secret], secret: 1}]},
        lambda secret: {"notifiers": [SLACK | {"webhook": {secret: secret}}]},
        lambda secret: {"notifiers": [secret]},
        lambda secret: {"notifiers": secret},
    ],
)
def test_a_value_that_may_be_a_secret_is_never_shown(place, secret):
    assert secret not in "\n".join(mistakes({"slackWebhook": WEBHOOK}, **place(secret)))


def test_a_name_that_resource_names_cannot_begin_with_is_refused():
    with pytest.raises(pulumi.RunError, match=r"the component's name: got 'a_b'; takes 1 to 32 letters, digits and -"):
        find_deployment_context("a_b")
