"""aws.iam.get_policy_document: builds IAM policy JSON from arguments without a call to AWS, as the provider does."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from .clients import Clients
from .errors import AwsRefusal
from .property_values import Inputs, Outputs

DEFAULT_VERSION = "2012-10-17"
LISTS = {
    "actions": "Action",
    "notActions": "NotAction",
    "resources": "Resource",
    "notResources": "NotResource",
}
NOT_SUPPORTED = ("sourceJson", "overrideJson", "sourcePolicyDocuments", "overridePolicyDocuments")


def get_policy_document(arguments: Inputs, clients: Clients) -> Outputs:
    """Return the document as indented `json` and as `minifiedJson`. Raises AwsRefusal if it is to merge documents."""
    for name in NOT_SUPPORTED:
        if arguments.get(name):
            raise AwsRefusal(f"{name} is not supported by local AWS")
    document: Outputs = {"Version": arguments.get("version") or DEFAULT_VERSION}
    if arguments.get("policyId"):
        document["Id"] = arguments["policyId"]
    statements = arguments.get("statements") or []
    if statements:
        document["Statement"] = [_statement(statement) for statement in statements]
    text = json.dumps(document, indent=2)
    return {
        "id": str(abs(hash(text))),
        "json": text,
        "minifiedJson": json.dumps(document, separators=(",", ":")),
        "version": document["Version"],
        "statements": statements,
    }


def _statement(statement: Inputs) -> Outputs:
    result: Outputs = {}
    if statement.get("sid"):
        result["Sid"] = statement["sid"]
    result["Effect"] = statement.get("effect") or "Allow"
    result |= {api: _one_or_many(statement[wire]) for wire, api in LISTS.items() if statement.get(wire)}
    for wire, api in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        if statement.get(wire):
            result[api] = _principals(statement[wire])
    conditions: dict[str, dict[str, Any]] = {}
    for one in statement.get("conditions") or ():
        conditions.setdefault(one["test"], {})[one["variable"]] = _one_or_many(one["values"])
    if conditions:
        result["Condition"] = conditions
    return result


def _principals(principals: Iterable[Inputs]) -> Any:
    merged: dict[str, list[str]] = {}
    for one in principals:
        merged.setdefault(one["type"], []).extend(one["identifiers"])
    if merged == {"*": ["*"]}:
        return "*"
    return {kind: _one_or_many(identifiers) for kind, identifiers in merged.items()}


def _one_or_many(values: list[str]) -> Any:
    """A single value without a list; several in descending order (iam/policy_model.go)."""
    return values[0] if len(values) == 1 else sorted(values, reverse=True)
