"""Finds the calls to AWS in sources, and the IAM actions that they need.

A call is an attribute with the name of an operation of a service that the sources make a client of, whatever it is an
attribute of; also the name of a paginator or a waiter. So none is overlooked because its client came by another way.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
from aws_lambda_powertools.utilities import parameters
from botocore import xform_name
from botocore.waiter import WaiterModel

from tests.judges import iam_reference

# Services and operations by the name of a client's method, a paginator or a waiter.
Operations = Mapping[str, Collection[tuple[str, str]]]

# What makes a client of the service that its first literal argument names.
CLIENT_MAKERS = {"client", "create_client", "_client", "make_client", "LazyClient"}
POWERTOOLS = "aws_lambda_powertools"
POWERTOOLS_WITHOUT_CALLS = {POWERTOOLS, f"{POWERTOOLS}.metrics", f"{POWERTOOLS}.utilities.parameters.exceptions"}
PROVIDERS: Mapping[str, str] = {"SSMProvider": "ssm", "SecretsProvider": "secretsmanager"}
# Attributes that only have the name of an operation.
NO_CALLS = {("batchbell/cli/__init__.py", "invoke")}  # of typer's group

NAMESPACES = {"monitoring": "cloudwatch"}  # where IAM's name of a service is not the one that signs
# Operations that are checked as other actions. All others are actions of the same name.
OTHER_ACTIONS: Mapping[tuple[str, str], tuple[str, ...]] = {
    # Amazon SQS Developer Guide, "Amazon SQS API permissions": as each single message.
    ("sqs", "SendMessageBatch"): ("sqs:SendMessage",),
    ("sqs", "DeleteMessageBatch"): ("sqs:DeleteMessage",),
    ("sqs", "ChangeMessageVisibilityBatch"): ("sqs:ChangeMessageVisibility",),
    # SQS moves the messages with the caller's permissions. (Same guide, "Configure a dead-letter queue redrive".)
    ("sqs", "StartMessageMoveTask"): (
        "sqs:StartMessageMoveTask",
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:SendMessage",
    ),
    # A mail in MIME is checked against the second one too (knowledge centre, "Unauthorized" in SES).
    ("sesv2", "SendEmail"): ("ses:SendEmail", "ses:SendRawEmail"),
}
# DynamoDB checks each item of a transaction as the action of its kind (Developer Guide, "Using IAM with transactions").
TRANSACTIONS = {"TransactWriteItems", "TransactGetItems"}
ITEM_ACTIONS = {
    "Update": "dynamodb:UpdateItem",
    "Put": "dynamodb:PutItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
    "Get": "dynamodb:GetItem",
}


@dataclass(frozen=True)
class Source:
    """A file: its path in the project, and its text."""

    path: str
    text: str

    @functools.cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        return tuple(ast.walk(ast.parse(self.text)))


@dataclass(frozen=True)
class AwsCall:
    """A call in a source.

    service: boto3's name of it
    operation: AWS's name, such as "SendMessage"
    place: path and line
    literals: the texts among its arguments
    """

    service: str
    operation: str
    place: str
    literals: frozenset[str] = frozenset()

    @property
    def actions(self) -> tuple[str, ...]:
        """The IAM actions that it needs. Raises KeyError if AWS has no such action, and no other is known."""
        if self.operation in TRANSACTIONS:
            kinds = self.literals & ITEM_ACTIONS.keys()
            if not kinds:
                raise KeyError(f"{self.place}: no kind of item is written in the call itself")
            return tuple(ITEM_ACTIONS[kind] for kind in sorted(kinds))
        if (self.service, self.operation) in OTHER_ACTIONS:
            return OTHER_ACTIONS[self.service, self.operation]
        signing = _model(self.service).signing_name
        action = f"{NAMESPACES.get(signing, signing)}:{self.operation}"
        if not iam_reference.is_action(action):
            raise KeyError(
                f"{self.place}: there is no action {action}: OTHER_ACTIONS does not say what it is checked as"
            )
        return (action,)


def read_sources(project: Path, *patterns: str) -> list[Source]:
    return [
        Source(path.relative_to(project).as_posix(), path.read_text(encoding="utf-8"))
        for pattern in patterns
        for path in sorted(project.glob(pattern))
    ]


def services_in(sources: Iterable[Source]) -> set[str]:
    """The services that the sources make clients of. Raises ValueError for one that cannot be known from the source."""
    found = set[str]()
    for source in sources:
        for call in (node for node in source.nodes if isinstance(node, ast.Call)):
            if _name_of(call.func) not in CLIENT_MAKERS:
                continue
            literals = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            if literals:
                found.add(literals[0])
            elif not _passes_a_parameter_on(call, source):
                raise ValueError(f"{source.path}:{call.lineno}: a client of an unknown service")
    return found


def calls_in(sources: Sequence[Source], services: Iterable[str]) -> list[AwsCall]:
    """All calls of these services, and those of the parts of Powertools that the sources use."""
    operations = _operations(frozenset(services))
    return [call for source in sources for call in (*_boto3_calls(source, operations), *_powertools_calls(source))]


def _boto3_calls(source: Source, operations: Operations) -> Iterator[AwsCall]:
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and node.attr == "resource" and _name_of(node.value) in {"boto3", "session"}:
            raise ValueError(f"{source.path}:{node.lineno}: the operations of a boto3 resource are not known")
        if isinstance(node, ast.Attribute) and node.attr in operations and (source.path, node.attr) not in NO_CALLS:
            place = f"{source.path}:{node.lineno}"
            yield AwsCall(*_the_only_one(operations[node.attr], place), place, _literals_of_call(node, source))
        if isinstance(node, ast.Call) and _name_of(node.func) in {"get_paginator", "get_waiter", "getattr"}:
            for literal in _texts(node):
                if literal in operations:
                    place = f"{source.path}:{node.lineno}"
                    yield AwsCall(*_the_only_one(operations[literal], place), place)


def _the_only_one(operations: Collection[tuple[str, str]], place: str) -> tuple[str, str]:
    if len(operations) > 1:
        services = " and of ".join(sorted(service for service, _ in operations))
        raise ValueError(f"{place}: the operation may be of {services}")
    (operation,) = operations
    return operation


def _powertools_calls(source: Source) -> Iterator[AwsCall]:
    """The calls in the provider classes that the source imports, as Powertools' own source has them."""
    for node in source.nodes:
        if isinstance(node, ast.Import) and any(one.name.startswith(POWERTOOLS) for one in node.names):
            raise ValueError(f"{source.path}:{node.lineno}: import the names of Powertools, not the module")
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith(POWERTOOLS):
            continue
        if node.module in POWERTOOLS_WITHOUT_CALLS:
            continue
        for one in node.names:
            if node.module != f"{POWERTOOLS}.utilities.parameters" or one.name not in PROVIDERS:
                raise ValueError(f"{source.path}:{node.lineno}: the calls of {node.module}.{one.name} are not known")
            service = PROVIDERS[one.name]
            attributes = {each.attr for each in source.nodes if isinstance(each, ast.Attribute)}
            provider = getattr(parameters, one.name)
            methods = [name for name in attributes if callable(getattr(provider, f"_{name}", None))]
            for method in methods:
                code = textwrap.dedent(inspect.getsource(getattr(provider, f"_{method}")))
                place = f"{source.path}:{node.lineno}"
                yield from _boto3_calls(Source(place, code), _operations(frozenset({service})))


@functools.cache
def _operations(services: frozenset[str]) -> Operations:
    found: dict[str, set[tuple[str, str]]] = {}
    for service in services:
        names = {xform_name(name): name for name in _model(service).operation_names}
        for name, operation in {**names, **_waiters(service)}.items():
            found.setdefault(name, set()).add((service, operation))
    return found


def _waiters(service: str) -> Mapping[str, str]:
    try:
        model: Any = _session().get_waiter_model(service)
    except botocore.exceptions.UnknownServiceError:  # it has none
        return {}
    assert isinstance(model, WaiterModel)
    return {xform_name(name): model.get_waiter(name).operation for name in model.waiter_names}


@functools.cache
def _session() -> Any:
    return botocore.session.Session()


@functools.cache
def _model(service: str) -> Any:
    return _session().get_service_model(service)


def _name_of(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _texts(node: ast.AST) -> Iterator[str]:
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value


def _literals_of_call(function: ast.Attribute, source: Source) -> frozenset[str]:
    calls = [node for node in source.nodes if isinstance(node, ast.Call) and node.func is function]
    return frozenset(text for call in calls for text in _texts(call))


def _passes_a_parameter_on(call: ast.Call, source: Source) -> bool:
    """Whether the service is a parameter of the function, whose own callers name it."""
    names = {one.id for one in call.args if isinstance(one, ast.Name)}
    functions = [one for one in source.nodes if isinstance(one, ast.FunctionDef) and call in ast.walk(one)]
    return any(names & {one.arg for one in function.args.args} for function in functions)
