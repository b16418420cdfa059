"""Refuses a rule's target that is a queue without a policy that lets the rule send.

AWS accepts it, and its events are lost silently (Amazon EventBridge User Guide, "Using resource-based policies").
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from .clients import Clients
from .errors import AwsRefusal

SENDER = "events.amazonaws.com"
ACTION = "sqs:sendmessage"


def check_queue(queue_arn: str, rule_arn: str, clients: Clients) -> None:
    """Raise AwsRefusal if the target is a queue whose policy does not let the rule send. Ignore other targets."""
    if queue_arn.split(":")[2] != "sqs":
        return
    sqs = clients.of_owner("sqs")
    url = sqs.get_queue_url(QueueName=queue_arn.rpartition(":")[2])["QueueUrl"]
    policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {}).get("Policy")
    statements = _list(json.loads(policy).get("Statement")) if policy else []
    if not any(_allows(statement, rule_arn) for statement in statements):
        raise AwsRefusal(f"{queue_arn} has no policy that lets {rule_arn} send to it: its events would be lost")


def _allows(statement: Mapping[str, Any], rule_arn: str) -> bool:
    principal = statement.get("Principal")
    services = _list(principal.get("Service")) if isinstance(principal, Mapping) else _list(principal)
    sources = [
        value
        for condition in (statement.get("Condition") or {}).values()
        for key, values in condition.items()
        if key.lower() == "aws:sourcearn"
        for value in _list(values)
    ]
    return (
        statement.get("Effect") == "Allow"
        and bool({SENDER, "*"} & set(services))
        and any(fnmatchcase(ACTION, action.lower()) for action in _list(statement.get("Action")))
        and (not sources or any(fnmatchcase(rule_arn, source) for source in sources))
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
