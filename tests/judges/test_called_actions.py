"""Each call to AWS in the sources has its action in the policy of whoever makes it."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from tests.judges.aws_calls import AwsCall, Source, calls_in, read_sources, services_in
from tests.judges.iam_documents import policy
from tests.judges.iam_reference import listed
from tests.judges.provider_answers import Place
from tests.judges.registered import PROJECT, record
from tests.judges.stacks import each_notifier

PLACE = Place("aws", "us-east-1")
SHARED = ("batchbell/*.py",)
DISPATCHER = (*SHARED, "batchbell/dispatcher/**/*.py")
COMMANDS = (*SHARED, "batchbell/cli/**/*.py")
NOTIFIERS = sorted(path.parent.name for path in (PROJECT / "notifiers").glob("*/notifier.py"))
# Neither runs in the function, nor is it a command: deploy time, and the kit for the tests of notifiers.
ELSEWHERE = ("notifiers/*/infrastructure.py", "notifiers/*.py", "batchbell/conformance/", "batchbell/testing/")

# What AWS does with the function's permissions, or demands beside an action, without a call in the sources.
WITHOUT_A_CALL = {
    *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),  # by Lambda's event source mappings
    *("logs:CreateLogStream", "logs:PutLogEvents"),  # by Lambda
    *("kms:Decrypt", "kms:GenerateDataKey"),  # of an encrypted secret or topic
}


def _of_notifier(name: str) -> tuple[str, ...]:
    return (f"notifiers/{name}/*.py",)


@functools.cache
def _sources(*patterns: str) -> tuple[Source, ...]:
    found = read_sources(PROJECT, *patterns)
    return tuple(one for one in found if not one.path.endswith("/infrastructure.py"))


@functools.cache
def _services() -> frozenset[str]:
    """Those of the whole product: a client may be made in one file and used in another."""
    return frozenset(services_in(_sources(*DISPATCHER, *COMMANDS, "notifiers/*/*.py")))


def _calls(*patterns: str) -> list[AwsCall]:
    return calls_in(_sources(*patterns), _services())


def _missing(calls: Iterable[AwsCall], allowed: set[str]) -> dict[str, str]:
    """The first place of each action that is called and not allowed."""
    found: dict[str, str] = {}
    for call in calls:
        for action in call.actions:
            if action not in allowed:
                found.setdefault(action, call.place)
    return found


def _actions(documents: Iterable[Mapping[str, Any]]) -> set[str]:
    return {
        action for document in documents for one in document["Statement"] for action in listed(one.get("Action", []))
    }


def _function_may(notifiers: Sequence[Mapping[str, Any]], **further: Any) -> set[str]:
    """The actions of the function's role in a stack with these notifiers. `further`: settings."""
    queues = [PLACE.arn("batch", "job-queue/nightly")]
    config = {"job_queue_arns": queues, "notifiers": list(notifiers), "log_lines": 5, **further}
    policies = record(config).of_type("aws:iam/rolePolicy:RolePolicy")
    return _actions(json.loads(one.inputs["policy"]) for one in policies)


def _with_each_secret_store() -> list[dict[str, Any]]:
    return [
        {"type": "slack", "name": "kept", "webhook": {"ssm": PLACE.arn("ssm", "parameter/webhook")}},
        {"type": "slack", "name": "managed", "webhook": {"secretsmanager": PLACE.arn("secretsmanager", "secret:hook")}},
    ]


@functools.cache
def _operator_may() -> frozenset[str]:
    return frozenset(_actions(policy(one).content for one in ("Operating", "Running failed children again")))


def test_the_dispatcher_may_make_each_of_its_calls():
    calls = _calls(*DISPATCHER)
    print(f"dispatcher: {len(calls)} calls of {len({one.operation for one in calls})} operations")
    assert len({one.operation for one in calls}) >= 8

    assert _missing(calls, _function_may(_with_each_secret_store(), watch_every=5)) == {}


@pytest.mark.parametrize("type_", NOTIFIERS)
def test_the_function_may_make_each_call_of_a_notifier(type_):
    calls = _calls(*_of_notifier(type_))
    print(f"{type_}: {len(calls)} calls")
    (entry,) = [one for one in each_notifier(PLACE) if one["name"] == type_]

    assert _missing(calls, _function_may([entry])) == {}


def test_the_notifiers_that_send_through_aws_are_found_calling_it():
    assert {type_ for type_ in NOTIFIERS if _calls(*_of_notifier(type_))} >= {"email", "sns"}


def test_the_function_has_no_permission_that_nothing_uses():
    calls = [call for each in (DISPATCHER, *map(_of_notifier, NOTIFIERS)) for call in _calls(*each)]
    used = {action for call in calls for action in call.actions} | WITHOUT_A_CALL
    stacks = [each_notifier(PLACE), _with_each_secret_store()]

    assert set().union(*(_function_may(one, watch_every=5) for one in stacks)) == used


def test_the_operator_may_make_each_call_of_the_commands_and_no_other():
    calls = _calls(*COMMANDS)
    print(f"commands: {len(calls)} calls of {len({one.operation for one in calls})} operations")
    assert len({one.operation for one in calls}) >= 10

    assert _missing(calls, set(_operator_may())) == {}
    assert _operator_may() - {action for call in calls for action in call.actions} == {
        "sqs:CancelMessageMoveTask",  # the command that redrive prints on Ctrl-C
        "batch:TagResource",  # AWS demands it beside SubmitJob for the tags of a job
    }


def test_every_source_belongs_to_the_function_to_a_notifier_or_to_the_commands():
    judged = {one.path for one in _sources(*DISPATCHER, *COMMANDS, "notifiers/*/*.py")}
    all_ = {one.path for one in read_sources(PROJECT, "batchbell/**/*.py", "notifiers/**/*.py")}
    elsewhere = {one.path for one in read_sources(PROJECT, *(one for one in ELSEWHERE if "*" in one))}
    elsewhere |= {path for path in all_ if path.startswith(tuple(one for one in ELSEWHERE if "*" not in one))}

    assert all_ - judged - elsewhere == set()


@pytest.mark.parametrize(
    ("line", "action"),
    [
        ("deployed.sqs.purge_queue(QueueUrl=url)", "sqs:PurgeQueue"),
        ("tag = deployed.sqs.tag_queue", "sqs:TagQueue"),
        ("pages = found.get_paginator('list_queues')", "sqs:ListQueues"),
        ("found.get_waiter('table_exists').wait(TableName=name)", "dynamodb:DescribeTable"),
        ("rows.transact_write_items(TransactItems=[{'Put': item}])", "dynamodb:PutItem"),
        ("getattr(client, 'delete_function')(FunctionName=name)", "lambda:DeleteFunction"),
        ("make_client('events').put_events(Entries=[])", "events:PutEvents"),
    ],
)
def test_a_call_without_its_action_is_caught(line, action):
    source = Source("planted.py", line)
    calls = calls_in([*_sources(*COMMANDS), source], _services() | services_in([source]))

    assert _missing(calls, set(_operator_may())) == {action: "planted.py:1"}


def test_a_part_of_powertools_that_calls_aws_is_caught():
    source = Source("planted.py", "from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer")
    with pytest.raises(ValueError, match="are not known"):
        calls_in([source], _services())
    appconfig = Source("planted.py", "from aws_lambda_powertools.utilities.parameters import AppConfigProvider")
    with pytest.raises(ValueError, match="are not known"):
        calls_in([appconfig], _services())


def test_a_client_whose_service_is_not_written_in_the_source_is_caught():
    with pytest.raises(ValueError, match="unknown service"):
        services_in([Source("planted.py", "client = make_client(SERVICES[0])")])


def test_an_action_that_is_taken_from_a_policy_is_missed():
    for action in {action for call in _calls(*COMMANDS) for action in call.actions}:
        assert action in _missing(_calls(*COMMANDS), set(_operator_may()) - {action})
