"""A stack with every setting that a company may need, all at once: up, no change, destroy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from batchbell_local.cloud import LocalCloud
from batchbell_local.server import ROOT_ACCESS_KEY, ROOT_SECRET_KEY

ABROAD = "eu-west-1"
EMAIL = {
    "sender": "batch@example.net",
    "region": ABROAD,
    "configuration_set": "transactional",
    "identity_arn": f"arn:aws:ses:{ABROAD}:123456789012:identity/example.net",
    "owner_domains": ["example.com"],
}
TAGS = {"cost-centre": "4711", "team": "rendering"}
PATH = "/batch/"


def documented_key_policy(project: Path) -> str:
    """The key policy of docs/operations.md, with this account's names."""
    _, _, section = (project / "docs" / "operations.md").read_text("utf-8").partition("## A key of your own")
    block = section.partition("```json")[2].partition("```")[0]
    for placeholder, name in (("PARTITION", "aws"), ("REGION", "us-east-1"), ("ACCOUNT", "123456789012")):
        block = block.replace(placeholder, name)
    return json.dumps({"Version": "2012-10-17", "Statement": json.loads(block)})


def account_resources(cloud: LocalCloud, project: Path) -> dict[str, Any]:
    """Make what the account has before the stack, and return its ARNs and ids."""
    anything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    policy = cloud.client("iam").create_policy(PolicyName="boundary", PolicyDocument=json.dumps(anything))["Policy"]
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}]}
    role = cloud.client("iam").create_role(RoleName="jobs", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    abroad = boto3.client(
        "sesv2",
        ABROAD,
        endpoint_url=cloud.endpoint,
        aws_access_key_id=ROOT_ACCESS_KEY,
        aws_secret_access_key=ROOT_SECRET_KEY,
    )
    abroad.create_email_identity(EmailIdentity="example.net")
    abroad.create_configuration_set(ConfigurationSetName="transactional")
    ec2 = cloud.client("ec2")
    subnets = ec2.describe_subnets()["Subnets"]
    vpc = subnets[0]["VpcId"]
    return {
        "boundary": policy["Arn"],
        "role": role["Arn"],
        "key": cloud.client("kms").create_key(Policy=documented_key_policy(project))["KeyMetadata"]["Arn"],
        "topic": cloud.client("sns").create_topic(Name="on-call")["TopicArn"],
        "subnets": [one["SubnetId"] for one in subnets if one["VpcId"] == vpc][:2],
        "group": ec2.create_security_group(GroupName="function", Description="function", VpcId=vpc)["GroupId"],
    }


def every_setting(account: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the stack. A new setting is a line here; what it does is asserted below."""
    return {
        "tags": TAGS,
        "permissions_boundary_arn": account["boundary"],
        "role_path": PATH,
        "kms_key_arn": account["key"],
        "function_subnet_ids": account["subnets"],
        "function_security_group_ids": [account["group"]],
        "alarm_topic_arn": account["topic"],
        "environment_subnet_ids": account["subnets"],
        "environment_assign_public_ip": False,
        "environment_job_role_arn": account["role"],
        "environment_execution_role_arn": account["role"],
        "environment_job_timeout": 3_600,
        "environment_attempts": 3,
        "environment_volume_encryption": True,
        "environment_log_retention_days": 90,
        "watch_every": 15,
        "early_failures": {"percent": 20, "at_least": 5},
        "overdue_after": [{"jobs": "nightly-*", "minutes": 480}, {"minutes": 600}],
        "stalled_after": 60,
        "log_lines": 5,
        "owner_tag": "owner",
        "rerun_hint": False,
        "notifiers": [
            {"type": "slack", "name": "slack", "webhook": {"config": "slackWebhook"}, "mentions": {"alice": ["U012"]}},
            {"type": "email", "name": "email", "recipients": ["team@example.com"], **EMAIL},
            {"type": "sns", "name": "sns", "tags": {"team": ["*"]}, "log_lines": 0},
        ],
    }


@pytest.fixture(scope="module")
def account(own_cloud: LocalCloud, project: Path) -> dict[str, Any]:
    return account_resources(own_cloud, project)


@pytest.fixture(scope="module")
def before(account, everything):
    return everything()


@pytest.fixture(scope="module")
def stack(make_stack, account, before):
    made = make_stack("company", **every_setting(account))
    made.run("up")
    return made


def test_a_refresh_and_the_preview_after_it_show_no_change(stack):
    shown = stack.run("refresh").summary

    assert shown.keys() == {"same"}
    assert stack.run("preview").summary == shown


def test_an_array_job_sends_its_messages(stack, name):
    stack.submit(name, 2)
    stack.wait_until_received(name)

    assert stack.slack(name) == [f"✅ {name} succeeded: all 2 children"]


def test_every_role_carries_the_boundary_the_path_and_the_tags(stack, account):
    iam = stack.cloud.client("iam")
    names = [one["RoleName"] for one in iam.list_roles(PathPrefix=PATH)["Roles"]]
    roles = [iam.get_role(RoleName=name)["Role"] for name in names]

    assert len(roles) >= 2
    for role in roles:
        assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == account["boundary"]
        assert TAGS.items() <= {tag["Key"]: tag["Value"] for tag in role["Tags"]}.items()
    assert [one for one in iam.list_roles()["Roles"] if one["RoleName"].startswith("company-")] != []
    assert all(one["Path"] == PATH for one in iam.list_roles()["Roles"] if one["RoleName"].startswith("company-"))


def test_queues_ledger_log_and_function_carry_the_key(stack, account):
    client, function_name = stack.cloud.client, stack.outputs["function_name"]
    urls = [stack.outputs[f"{purpose}_queue_url"] for purpose in ("intake", "retry", "dead_letter")]
    queues = [client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"] for url in urls]
    table = client("dynamodb").describe_table(TableName=stack.outputs["ledger_table_name"])["Table"]
    function = client("lambda").get_function(FunctionName=function_name)
    group = function["Configuration"]["LoggingConfig"]["LogGroup"]
    (log,) = client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]

    assert [one["KmsMasterKeyId"] for one in queues] == [account["key"]] * 3
    assert table["SSEDescription"]["KMSMasterKeyArn"] == account["key"]
    assert (log["kmsKeyId"], function["Configuration"]["KMSKeyArn"]) == (account["key"], account["key"])
    assert TAGS.items() <= function["Tags"].items()


def test_the_function_is_in_its_subnets(stack, account):
    name = stack.outputs["function_name"]
    network = stack.cloud.client("lambda").get_function_configuration(FunctionName=name)["VpcConfig"]

    assert sorted(network["SubnetIds"]) == sorted(account["subnets"])
    assert network["SecurityGroupIds"] == [account["group"]]


def test_jobs_run_with_what_the_environment_was_given(stack, account):
    client, outputs = stack.cloud.client, stack.outputs
    (definition,) = client("batch").describe_job_definitions(jobDefinitionName=outputs["job_definition_name"])[
        "jobDefinitions"
    ]
    container = definition["containerProperties"]
    (environment,) = client("batch").describe_compute_environments(
        computeEnvironments=[outputs["compute_environment_name"]]
    )["computeEnvironments"]
    template = environment["computeResources"]["launchTemplate"]["launchTemplateId"]
    (version,) = client("ec2").describe_launch_template_versions(LaunchTemplateId=template)["LaunchTemplateVersions"]
    volume = version["LaunchTemplateData"]["BlockDeviceMappings"][0]["Ebs"]
    group = container["logConfiguration"]["options"]["awslogs-group"]
    (log,) = client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]

    assert (container["jobRoleArn"], container["executionRoleArn"]) == (account["role"], account["role"])
    assert (definition["timeout"], definition["retryStrategy"]["attempts"]) == ({"attemptDurationSeconds": 3_600}, 3)
    assert (volume["Encrypted"], volume["KmsKeyId"]) == (True, account["key"])
    assert (log["retentionInDays"], log["kmsKeyId"]) == (90, account["key"])
    assert sorted(environment["computeResources"]["subnets"]) == sorted(account["subnets"])
    assert TAGS.items() <= environment["computeResources"]["tags"].items()


def test_mail_is_sent_abroad_with_its_configuration_set(stack):
    mails = [mail for mail in stack.cloud.mailbox() if mail["Source"] == EMAIL["sender"]]

    assert mails
    assert {(one["Region"], one["ConfigurationSetName"]) for one in mails} == {(ABROAD, "transactional")}


def test_a_destroy_leaves_nothing(stack, before, everything):
    stack.run("destroy")

    assert everything() == before
