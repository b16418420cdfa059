"""The policy of the function's role: what its settings need, and the document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi

from batchbell.provisioning import Statement

NETWORK_INTERFACES = tuple(
    f"ec2:{action}"
    for action in (
        "CreateNetworkInterface",
        "DescribeNetworkInterfaces",
        "DescribeSubnets",
        "DeleteNetworkInterface",
        "AssignPrivateIpAddresses",
        "UnassignPrivateIpAddresses",
    )
)


def use_of_key(key_arn: pulumi.Input[str]) -> list[Statement]:
    """What queues, ledger and environment under a key of one's own need.

    SQS Developer Guide, "Key management": GenerateDataKey to send, Decrypt to receive. DynamoDB and Lambda decrypt for
    the function too.
    """
    return [Statement(("kms:Decrypt", "kms:GenerateDataKey"), (key_arn,))]


def use_of_network() -> list[Statement]:
    """What a function in a VPC needs: AWSLambdaVPCAccessExecutionRole, which would allow all log groups as well."""
    return [Statement(NETWORK_INTERFACES, ("*",))]


def policy_document(statements: Sequence[Statement]) -> pulumi.Output[str]:
    return pulumi.Output.json_dumps(
        {"Version": "2012-10-17", "Statement": _distinct([_allow(statement) for statement in statements])}
    )


def _distinct(statements: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Remove duplicates: notifiers of one type ask for the same, and a role's policy may have 10,240 characters."""
    distinct: list[dict[str, Any]] = []
    for statement in statements:
        if not any(_same(statement, one) for one in distinct):
            distinct.append(statement)
    return distinct


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Statements with Outputs are never the same: their values are not known yet."""
    if any(isinstance(resource, pulumi.Output) for resource in (*one["Resource"], *other["Resource"])):
        return False
    return one == other


def _allow(statement: Statement) -> dict[str, Any]:
    allow: dict[str, Any] = {
        "Effect": "Allow",
        "Action": list(statement.actions),
        "Resource": list(statement.resources),
    }
    return allow | ({"Condition": statement.condition} if statement.condition else {})
