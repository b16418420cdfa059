"""Lists what is left of the stack in the account."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .account import Account
from .capture import NAME as CAPTURE
from .program import STACK

TAG = "batchbell"
PREFIXES = (f"{STACK}-", f"batchbell-{STACK}-", CAPTURE)


def find_leftovers(account: Account) -> dict[str, list[str]]:
    """Names of resources with the stack's tag or the prefix of its names, by kind; a kind without any is left out.

    A kind that the credentials may not list has the error's code instead of names.
    """
    kinds: dict[str, Callable[[Account], Iterable[str]]] = {
        "tagged": _tagged,
        "alarms": lambda of: _names(of, "cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
        "compute environments": lambda of: _names(
            of, "batch", "describe_compute_environments", "computeEnvironments", "computeEnvironmentName"
        ),
        "functions": lambda of: _names(of, "lambda", "list_functions", "Functions", "FunctionName"),
        "job definitions, active": lambda of: _definitions(of, "ACTIVE"),
        "job definitions, inactive": lambda of: _definitions(of, "INACTIVE"),
        "job queues": lambda of: _names(of, "batch", "describe_job_queues", "jobQueues", "jobQueueName"),
        "log groups": lambda of: _names(of, "logs", "describe_log_groups", "logGroups", "logGroupName"),
        "queues": _queues,
        "roles": lambda of: _names(of, "iam", "list_roles", "Roles", "RoleName"),
        "rules": _rules,
        "security groups": lambda of: _names(of, "ec2", "describe_security_groups", "SecurityGroups", "GroupName"),
        "tables": _tables,
        "topics": lambda of: _names(of, "sns", "list_topics", "Topics", "TopicArn"),
    }
    found = {kind: _listed(list_names, account) for kind, list_names in kinds.items()}
    return {kind: names for kind, names in found.items() if names}


def _listed(list_names: Callable[[Account], Iterable[str]], account: Account) -> list[str]:
    try:
        return sorted(list_names(account))
    except Exception as error:  # one kind that may not be listed must not hide the others
        return [f"not listed: {type(error).__name__}: {error}"]


def _is_ours(name: str) -> bool:
    return name.rpartition(":")[2].rpartition("/")[2].startswith(PREFIXES)


def _names(account: Account, service: str, operation: str, key: str, name: str) -> Iterable[str]:
    pages = account.client(service).get_paginator(operation).paginate()
    return [one[name] for page in pages for one in page[key] if _is_ours(one[name])]


def _tagged(account: Account) -> Iterable[str]:
    pages = account.client("resourcegroupstaggingapi").get_paginator("get_resources")
    filters = [{"Key": TAG, "Values": [f"batchbell/{STACK}"]}]
    return [one["ResourceARN"] for page in pages.paginate(TagFilters=filters) for one in page["ResourceTagMappingList"]]


def _definitions(account: Account, status: str) -> Iterable[str]:
    """Batch keeps an inactive definition for 180 days, and nobody can delete it (API reference)."""
    pages: Any = (
        account.client("batch")
        .get_paginator("describe_job_definitions")
        .paginate(jobDefinitionName=STACK, status=status)
    )
    return [f"{one['jobDefinitionName']}:{one['revision']}" for page in pages for one in page["jobDefinitions"]]


def _queues(account: Account) -> Iterable[str]:
    sqs = account.client("sqs")
    found = [sqs.list_queues(QueueNamePrefix=prefix).get("QueueUrls", []) for prefix in PREFIXES]
    return [url.rpartition("/")[2] for urls in found for url in urls]


def _rules(account: Account) -> Iterable[str]:
    events = account.client("events")
    return [rule["Name"] for prefix in PREFIXES for rule in events.list_rules(NamePrefix=prefix)["Rules"]]


def _tables(account: Account) -> Iterable[str]:
    pages = account.client("dynamodb").get_paginator("list_tables").paginate()
    return [name for page in pages for name in page["TableNames"] if _is_ours(name)]
