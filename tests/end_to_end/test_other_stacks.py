"""Stacks other than the tutorial's: an existing queue, another Pulumi program, a package that lacks a dependency."""

from __future__ import annotations

import json
import re
import shutil

import boto3
import pytest

from batchbell_local.deployment import DeploymentFailed, this_machine
from batchbell_local.server import ROOT_ACCESS_KEY, ROOT_SECRET_KEY
from demo.print_color import SENDER
from tests.end_to_end.conftest import BUILT
from tests.end_to_end.existing_queue import create_existing_queue
from tests.end_to_end.stack import deploy

QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/nightly"


@pytest.fixture(scope="module")
def nightly(own_cloud):
    """A job queue and a job definition that existed before batchbell."""
    batch = own_cloud.client("batch")
    create_existing_queue(batch, ["sh", "-c", "exit $AWS_BATCH_JOB_ARRAY_INDEX"])
    return batch


def submit(batch, name, size=3):
    batch.submit_job(jobName=name, jobQueue="nightly", jobDefinition="render", arrayProperties={"size": size})


def subjects(cloud, name):
    return [(mail["To"], mail["Subject"]) for mail in cloud.mailbox() if name in mail["Subject"]]


def test_a_stack_on_an_existing_queue_sends_an_email_about_a_failed_job(own_cloud, nightly, project, wait_until, name):
    chosen = {"time_zone": "Asia/Kathmandu", "queue_blocked": False}
    deployment = deploy(own_cloud.environment(), project, "production", config={**this_machine(), **chosen})
    submit(nightly, name)
    wait_until(lambda: subjects(own_cloud, name), "mailed", timeout=20)

    assert subjects(own_cloud, name) == [
        (["team@example.com", "on-call@example.com"], f"{name} failed: 2 of 3 children")
    ]
    (mail,) = (mail for mail in own_cloud.mailbox() if name in mail["Subject"])
    assert re.search(r"\nFinished: .* UTC\+0545\r?\n", mail["BodyText"])
    assert not any(resource.type.startswith("aws:batch/") for resource in deployment.resources)
    assert len([one for one in deployment.resources if one.type.endswith(":EventRule")]) == 1
    code = own_cloud.client("lambda").get_function(FunctionName=deployment.outputs["function_name"])
    assert code["Configuration"]["State"] == "Active"


OTHER_PROGRAM = """
    import pulumi
    import pulumi_aws as aws
    from components import ArrayJobNotifier, ArrayJobNotifierArgs

    fifo = aws.batch.JobQueue("theirs", state="ENABLED", priority=1, compute_environment_orders=[
        {"order": 1, "compute_environment": "arn:aws:batch:us-east-1:123456789012:compute-environment/nightly"}])
    notifier = ArrayJobNotifier("theirs", ArrayJobNotifierArgs(
        job_queue_arns=[fifo.arn],
        notifiers=[
            {"type": "slack", "name": "ops", "webhook": pulumi.Config().require_secret("hook")},
            {"type": "email", "name": "team", "sender": "batch@example.com", "recipients": ["x@example.com"]},
            {"type": "email", "name": "abroad", "sender": "batch@example.net", "recipients": ["y@example.com"],
             "region": "eu-west-1", "configuration_set": "transactional",
             "identity_arn": "arn:aws:ses:eu-west-1:123456789012:identity/example.net"},
        ],
        function={"python_version": pulumi.Config().require("python"), "architecture": pulumi.Config().require("arch")},
    ))
    pulumi.export("queue", fifo.name)
    pulumi.export("intake", notifier.intake_queue_url)
    pulumi.export("rule", notifier.rule_arn)
"""


def test_another_program_can_watch_a_queue_whose_arn_is_not_known_yet(
    own_cloud, nightly, sink, program, wait_until, name
):
    abroad = boto3.Session(ROOT_ACCESS_KEY, ROOT_SECRET_KEY, region_name="eu-west-1").client(
        "sesv2", endpoint_url=own_cloud.endpoint
    )
    abroad.create_email_identity(EmailIdentity="example.net")
    abroad.create_configuration_set(ConfigurationSetName="transactional")
    machine = this_machine()
    deployment = deploy(
        own_cloud.environment(),
        program(OTHER_PROGRAM),
        "dev",
        config={"python": machine["function_python_version"], "arch": machine["function_architecture"]},
        secrets={"hook": sink.url},
    )
    nightly.submit_job(
        jobName=name,
        jobQueue=deployment.outputs["queue"],
        jobDefinition="render",
        arrayProperties={"size": 2},
    )
    wait_until(lambda: len(subjects(own_cloud, name)) >= 2, "mailed", timeout=20)
    wait_until(lambda: any(name in payload["text"] for payload in sink.accepted), "in Slack", timeout=20)

    mails = {mail["Region"]: mail for mail in own_cloud.mailbox() if name in mail["Subject"]}
    assert {mail["Subject"] for mail in mails.values()} == {f"{name} failed: 1 of 2 children"}
    assert {region: mail["To"] for region, mail in mails.items()} == {
        "us-east-1": ["x@example.com"],
        "eu-west-1": ["y@example.com"],
    }
    assert mails["eu-west-1"]["ConfigurationSetName"] == "transactional"
    assert mails["eu-west-1"]["FromEmailAddressIdentityArn"].endswith(":identity/example.net")


@pytest.mark.usefixtures("nightly")
def test_an_arn_in_another_region_is_refused_once_it_is_known(own_cloud, program):
    source = OTHER_PROGRAM.replace("[fifo.arn]", '[fifo.arn.apply(lambda arn: arn.replace("us-east-1", "eu-west-1"))]')

    with pytest.raises(DeploymentFailed, match="not in this stack's region us-east-1"):
        deploy(
            own_cloud.environment(),
            program(source),
            "elsewhere",
            config={"python": "3.13", "arch": "arm64"},
            secrets={"hook": "https://hooks.slack.com/services/T0/B0/x"},
        )


def everything(cloud):
    """List the existing resources of the kinds that a deployment creates first."""
    return {
        "queues": cloud.client("sqs").list_queues().get("QueueUrls", []),
        "rules": [rule["Name"] for rule in cloud.client("events").list_rules()["Rules"]],
        "roles": [role["RoleName"] for role in cloud.client("iam").list_roles()["Roles"]],
        "tables": cloud.client("dynamodb").list_tables()["TableNames"],
        "environments": [
            one["computeEnvironmentName"]
            for one in cloud.client("batch").describe_compute_environments()["computeEnvironments"]
        ],
    }


def test_all_wrong_settings_are_reported_at_once_and_nothing_is_created(own_cloud, project):
    before = everything(own_cloud)
    with pytest.raises(DeploymentFailed) as failed:
        deploy(
            own_cloud.environment(),
            project,
            "print-color",
            config={
                "notifiers": [
                    {"type": "slak", "name": "ops"},
                    {"type": "slack", "name": "team", "webhook": "https://hooks.slack.com/services/T0/B0/notatoken"},
                    {"type": "email", "name": "team", "sender": "nobody", "recipients": []},
                ],
                "statuses": ["DONE"],
                "job_queue_arns": [QUEUE.replace("us-east-1", "eu-west-1")],
                "environment_platfrom": "EC2",
            },
        )
    text = str(failed.value)

    for path in (
        "batchbell:notifiers[0].type",
        "batchbell:notifiers[1].webhook",
        "batchbell:notifiers[2].name",
        "batchbell:notifiers[2].sender",
        "batchbell:notifiers[2].recipients",
        "batchbell:statuses[0]",
        "batchbell:job_queue_arns[0]",
        "batchbell:environment_platfrom",
    ):
        assert path in text, path
    assert "notatoken" not in text
    assert "Traceback" not in text + failed.value.printed
    assert everything(own_cloud) == before


def test_a_package_without_one_dependency_fails_to_import_it(own_cloud, sink, project, tmp_path, wait_until):
    """Local functions can import only what their package holds, so a missing dependency shows here already."""
    (project / BUILT).mkdir(exist_ok=True)
    for entry in ("__main__.py", "Pulumi.yaml", "examples", "components", "batchbell", BUILT):
        (tmp_path / entry).symlink_to(project / entry)
    shutil.copytree(project / "notifiers", tmp_path / "notifiers")
    module = tmp_path / "notifiers" / "slack" / "notifier.py"
    module.write_text(module.read_text() + '\n__import__("yaml")\n')  # an import that preview cannot see
    slack = [{"type": "slack", "name": "slack", "webhook": {"config": "slackWebhook"}}]
    deployment = deploy(
        own_cloud.environment(),
        tmp_path,
        "print-color",
        config={"notifiers": slack, "environment_name": "forgetful", **this_machine()},
        secrets={"slackWebhook": sink.url},
    )
    logs = own_cloud.client("logs")
    own_cloud.client("sqs").send_message(QueueUrl=deployment.outputs["intake_queue_url"], MessageBody="{}")

    def reasons():
        return [
            json.loads(event["message"])["reason"]
            for group in logs.describe_log_groups(logGroupNamePrefix="print-color-bell-dispatcher")["logGroups"]
            for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
            if "notifier cannot be used" in event["message"]
        ]

    wait_until(reasons, "reported", timeout=20)
    assert "No module named 'yaml'" in reasons()[0]
    assert SENDER not in reasons()[0]
