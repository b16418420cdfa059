"""docs/permissions.md lets a person deploy whatever the program registers, and no more."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import chain

import pytest

from tests.judges.deploying_calls import (
    BOUNDARY_CALLS,
    CALLS,
    KEY_CALLS,
    LOG_KEY_CALLS,
    LOOK_UPS,
    NETWORK_CALLS,
    handler_actions,
    requests_of,
)
from tests.judges.iam_documents import fill, policy
from tests.judges.iam_reference import listed
from tests.judges.provider_answers import _FUNCTIONS as FUNCTIONS
from tests.judges.provider_answers import ACCOUNT
from tests.judges.stacks import COMPANY, KEY, STACKS
from tests.judges.test_company_settings import KINDS

STACK, ENVIRONMENT = "Deploying", "Deploying a Batch environment"  # headings of the page
COMPANYS = "Deploying with a company's settings"
# Each stack, and some with all settings of a company.
ALL = {
    **STACKS,
    **{f"company-{name}": replace(STACKS[name], config={**STACKS[name].config, **COMPANY}) for name in KINDS},
}
POLICY_LIMIT = 6_144  # characters without white space (IAM and AWS STS quotas, "Managed policies")

# What CloudFormation's handlers need for properties that the program does not use, or for their own ways.
NOT_NEEDED = (
    *("eks:*", "kinesis:*", "s3:*", "s3files:*", "elasticfilesystem:*", "firehose:*"),
    *("kms:listaliases", "kms:revokegrant"),
    # Tables: replicas, imports, streams, backups, resource policies; a table that AWS itself fills and logs about.
    *("dynamodb:*replica", "dynamodb:*import*", "dynamodb:*kinesis*", "dynamodb:*contributorinsights"),
    *("dynamodb:*resourcepolicy", "dynamodb:updatecontinuousbackups", "dynamodb:*item", "dynamodb:scan"),
    *("dynamodb:query", "logs:createlogstream", "logs:describelogstreams", "logs:putlogevents"),
    # Log groups: data protection, indexes, deliveries, tokens, locks.
    *("logs:*dataprotectionpolicy", "logs:*indexpolic*", "logs:*resourcepolic*"),
    *("logs:createlogdelivery", "logs:*bearertoken*", "logs:*deletionprotection"),
    # Functions: reserved concurrency, code signing, layers, runtime management, scaling, versions.
    *("lambda:*concurrency", "lambda:*codesigningconfig", "lambda:getlayerversion", "lambda:*runtime*"),
    *("lambda:*scalingconfig", "lambda:publishversion", "lambda:passcapacityprovider"),
    # Topics: subscriptions and data protection in the topic itself.
    *("sns:*subscri*", "sns:*dataprotectionpolicy"),
    "iam:updateroledescription",  # an older form of iam:UpdateRole
    # Security groups without ingress; a group's instances, which CloudFormation waits for.
    *("ec2:*ingress", "ec2:updatesecuritygroupruledescriptions*", "ec2:describeinstances"),
    # AWS's reference has no such action.
    "batch:setcapacitytags",
    # CloudFormation looks up a queue by its name; the provider gets its URL from CreateQueue.
    "sqs:getqueueurl",
)
EXTRA = " ".join([*LOOK_UPS.values(), BOUNDARY_CALLS, LOG_KEY_CALLS, NETWORK_CALLS, *KEY_CALLS.values()]).split()
# What the provider calls, and the handlers do not: it reads tags, tokens and versions by calls of their own.
PROVIDER_ALONE = {
    *("iam:listinstanceprofilesforrole", "iam:tag*", "iam:untag*"),
    *("lambda:getfunctionconfiguration", "lambda:listversionsbyfunction", "lambda:listtags"),
    *("logs:deleteretentionpolicy", "ssm:getparameter", "ssm:describeparameters", "sqs:getqueueattributes"),
    *("ec2:describelaunchtemplateversions", "ec2:modifylaunchtemplate", "ec2:describenetworkinterfaces"),
}


def _names(stack):
    """What a reader writes for the words in capitals."""
    return {
        "REGION": stack.place.region,
        "ACCOUNT": ACCOUNT,
        "STACK": stack.stack,
        "PREFIX": f"{stack.stack}-bell",
        "PROJECT": "batchbell",
        "ENVIRONMENT": stack.config.get("environment_name", ""),
        "KEY": KEY.rpartition("/")[2],
    }


def _statements(stack):
    headings = [STACK, *([ENVIRONMENT] if "environment_name" in stack.config else [])]
    headings += [COMPANYS] if "kms_key_arn" in stack.config else []
    text = json.dumps([policy(one, _names(stack)).content["Statement"] for one in headings])
    path = stack.config.get("role_path", "/")
    text = text.replace(f":role/{stack.stack}-bell-", f":role{path}{stack.stack}-bell-")
    return list(chain(*json.loads(text.replace("arn:aws:", f"arn:{stack.partition}:"))))


def _refused(stack, statements):
    requests = list(requests_of(stack.record()))
    return [
        f"{one.action} on {one.resource}"
        for one in requests
        if not any(one.is_allowed_by(statement) for statement in statements)
    ]


@pytest.mark.parametrize("name", ALL)
def test_the_policies_allow_every_request_of_a_deployment(name):
    stack = ALL[name]
    requests = list(requests_of(stack.record()))
    print(f"{name}: {len(requests)} requests, {len({one.action for one in requests})} actions")
    assert len(requests) >= 150

    assert _refused(stack, _statements(stack)) == []


def test_no_action_and_no_statement_is_superfluous():
    """Each action of each statement allows something that only this statement allows, in one of the stacks."""
    needed = set()
    for stack in ALL.values():
        statements = _statements(stack)
        for request in requests_of(stack.record()):
            allowing = [one["Sid"] for one in statements if request.is_allowed_by(one)]
            if len(allowing) == 1:
                needed.add((allowing[0], request.action))
    pages = [policy(one).content["Statement"] for one in (STACK, ENVIRONMENT, COMPANYS)]
    granted = {(one["Sid"], action) for page in pages for one in page for action in listed(one["Action"])}

    assert granted - needed == set()


@pytest.mark.parametrize("heading", [STACK, ENVIRONMENT, COMPANYS, "Operating"])
def test_a_policy_fits_into_a_managed_policy_for_the_longest_names(heading):
    names = _names(STACKS["longest-names-aws-us-gov"])
    queue = {word: f"{names['PREFIX']}-dead-letters-0123456" for word in ("INTAKE", "RETRY", "DEAD-LETTERS")}
    text = json.dumps(policy(heading, {**names, **queue}).content, separators=(",", ":"))
    print(f"{heading}: {len(text)} characters")

    assert len(text) <= POLICY_LIMIT


@pytest.mark.parametrize("type_", CALLS)
def test_the_calls_of_a_type_are_those_that_cloudformations_handlers_declare(type_):
    declared = handler_actions(CALLS[type_].cloudformation)
    made = {action.lower() for one in CALLS.values() for action in (*one.all_actions(), *EXTRA)}
    passes = {"iam:passrole", "iam:createservicelinkedrole", "batch:registerjobdefinition"}
    own = {action.lower() for action in CALLS[type_].all_actions()}
    print(f"{type_}: {len(declared)} actions declared, {len(own)} made")
    assert len(declared) >= 1

    assert {one for one in declared - made - passes if not any(fnmatchcase(one, each) for each in NOT_NEEDED)} == set()
    assert {one for one in own - declared if not any(fnmatchcase(one, each) for each in PROVIDER_ALONE)} == set()


def test_the_calls_of_each_function_that_the_program_may_call_are_known():
    assert LOOK_UPS.keys() == FUNCTIONS.keys()


def test_a_planted_fault_in_a_policy_is_caught():
    stack = STACKS["ec2-aws"]
    statements = _statements(stack)
    for number, statement in enumerate(statements):
        if statement["Sid"] not in ("ExecutionRole", "Topics", "Secrets"):
            assert _refused(stack, statements[:number] + statements[number + 1 :]), statement["Sid"]
    for action in listed(statements[0]["Action"]):
        fewer = copy.deepcopy(statements)
        fewer[0]["Action"].remove(action)
        assert action in " ".join(_refused(stack, fewer))
    elsewhere = json.loads(json.dumps(statements).replace("dispatcher-*", "notifier-*"))
    assert "iam:PassRole" in " ".join(_refused(stack, elsewhere))
    assert fill("arn:aws:sqs:REGION:ACCOUNT:PREFIX-*", _names(stack)) == "arn:aws:sqs:us-east-1:123456789012:dev-bell-*"
