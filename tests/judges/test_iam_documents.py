"""Every IAM document that the program registers or a page shows, judged by AWS's Service Authorization Reference."""

from __future__ import annotations

import copy
import json

import pytest

from tests.judges.iam_documents import documents_of, documents_on
from tests.judges.iam_reference import problems, statements
from tests.judges.registered import PROJECT
from tests.judges.stacks import STACKS

KINDS = {
    "aws:iam/role:Role": "assumeRolePolicy",
    "aws:iam/rolePolicy:RolePolicy": "policy",
    "aws:sqs/queuePolicy:QueuePolicy": "policy",
}
# AWS checks a new security group and its VPC each by itself, and only the group has tags. So each has a statement, and
# parliament misses the group in that of the VPC. (Amazon EC2 User Guide, "Example policies to control access".)
# The key's statement for CloudWatch Logs is AWS's own example, with a text of the encryption context that is
# compared as an ARN, and an action that has none. (CloudWatch Logs User Guide, "Encrypt log data in
# CloudWatch Logs using AWS Key Management Service".)
# A function in a VPC makes its network interfaces anywhere, as AWS's own AWSLambdaVPCAccessExecutionRole lets it.
ACCEPTED = {
    "RESOURCE_STAR ['ec2:AssignPrivateIpAddresses', 'ec2:CreateNetworkInterface', 'ec2:DeleteNetworkInterface', "
    "'ec2:UnassignPrivateIpAddresses']",
    "UNKNOWN_CONDITION_FOR_ACTION Unknown condition kms:EncryptionContext:aws:logs:arn for action kms:DescribeKey",
    "MISMATCHED_TYPE Type mismatch: ArnLike requires a value of type Arn but given String",
    "RESOURCE_MISMATCH [{'action': 'ec2:CreateSecurityGroup', 'required_format': 'arn:*:ec2:*:*:security-group/*'}]",
}
PAGES = sorted({*PROJECT.glob("*.md"), *(PROJECT / "docs").glob("*.md"), *(PROJECT / "notifiers").glob("*/*.md")})


def _documents(name):
    return list(documents_of(STACKS[name].record().resources))


def _policy(name="ec2-aws"):
    """Return a copy of the policy of the function's role."""
    found = [one for one in _documents(name) if one.place.startswith("aws:iam/rolePolicy:RolePolicy")]
    return copy.deepcopy(found[0].content)


@pytest.mark.parametrize("name", STACKS)
def test_aws_knows_all_that_the_documents_of_a_stack_say(name):
    documents = _documents(name)
    judged = sum(len(statements(one.content)) for one in documents)
    print(f"{name}: {len(documents)} documents, {judged} statements")
    assert judged >= 15

    partition = STACKS[name].partition
    found = {one.place: set(problems(one.content, partition=partition)) - ACCEPTED for one in documents}
    assert {place: texts for place, texts in found.items() if texts} == {}


@pytest.mark.parametrize("name", STACKS)
def test_every_role_and_every_queue_has_its_document_judged(name):
    resources = STACKS[name].record().resources
    judged = {one.place for one in _documents(name)}

    for type_, property_ in KINDS.items():
        names = [one.name for one in resources if one.type_token == type_]
        assert names
        assert {f"{type_} {one}: {property_}" for one in names} <= judged


def test_aws_knows_all_that_the_documents_on_our_pages_say():
    documents = [document for page in PAGES for document in documents_on(page)]
    judged = sum(len(statements(one.content)) for one in documents)
    print(f"pages: {len(documents)} documents, {judged} statements")
    assert judged >= 33

    found = {one.place: set(problems(one.content)) - ACCEPTED for one in documents}
    assert {place: texts for place, texts in found.items() if texts} == {}


def _with(**changes):
    policy = _policy()
    policy["Statement"][0] |= changes
    return policy


@pytest.mark.parametrize(
    ("planted", "problem"),
    [
        ({"Action": ["sqs:RecieveMessage"]}, "UNKNOWN_ACTION"),
        ({"Action": ["sqss:ReceiveMessage"]}, "UNKNOWN_PREFIX"),
        ({"Action": ["batch:ListJobs"]}, "RESOURCE_MISMATCH"),
        ({"Resource": ["arn:aws:sns:us-east-1:123456789012:dev-intake"]}, "RESOURCE_MISMATCH"),
        ({"Resource": ["dev-intake"]}, "INVALID_ARN"),
        ({"Resource": ["arn:aws-cn:sqs:cn-north-1:123456789012:dev-intake"]}, "WRONG_PARTITION"),
        ({"Condition": {"StringEquals": {"ses:FromAddress": "a@example.com"}}}, "UNKNOWN_CONDITION_FOR_ACTION"),
        ({"Condition": {"StringEqual": {"aws:SourceArn": "arn:aws:sns:us-east-1:123456789012:a"}}}, "UNKNOWN_OPERATOR"),
        ({"Effect": "Permit"}, "MALFORMED"),
    ],
)
def test_a_planted_fault_in_a_policy_is_caught(planted, problem):
    assert problems(_policy()) == []

    assert problem in " ".join(problems(_with(**planted)))


def test_a_planted_fault_in_a_queues_policy_or_a_roles_trust_is_caught():
    documents = {one.place: json.dumps(one.content) for one in _documents("ec2-aws")}
    queue = next(text for place, text in documents.items() if "queuePolicy" in place and "OurRules" in text)
    trust = next(text for place, text in documents.items() if "assumeRolePolicy" in place)

    assert "UNKNOWN_ACTION" in " ".join(problems(json.loads(queue.replace("sqs:SendMessage", "sqs:SendMesage"))))
    assert "RESOURCE_MISMATCH" in " ".join(problems(json.loads(queue.replace("arn:aws:sqs", "arn:aws:sns"))))
    assert "UNKNOWN_ACTION" in " ".join(problems(json.loads(trust.replace("sts:AssumeRole", "sts:AssumesRole"))))
