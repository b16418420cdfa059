"""What AWS's Service Authorization Reference says of IAM actions and documents, as parliament has it."""

from __future__ import annotations

import functools
import importlib.util
import json
import re
import sys
import types
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Document = Mapping[str, Any]


def _import_parliament() -> Any:
    """Import parliament, which asks pkg_resources only where two of its own files are.

    pkg_resources belongs to setuptools, which environments of Python 3.12 and later do not have by themselves, and
    setuptools 82 has it no more.
    """

    def resource_filename(package: str, name: str) -> str:
        spec = importlib.util.find_spec(package)
        assert spec is not None and spec.origin is not None
        return str(Path(spec.origin).with_name(name))

    stand_in = types.ModuleType("pkg_resources")
    stand_in.resource_filename = resource_filename  # type: ignore[attr-defined]
    before = sys.modules.get("pkg_resources")
    sys.modules["pkg_resources"] = stand_in
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of regular expressions and files that are parliament's own
            import parliament
    finally:
        del sys.modules["pkg_resources"]
        if before is not None:
            sys.modules["pkg_resources"] = before
    return parliament


@functools.cache
def _parliament() -> Any:
    return _import_parliament()  # reads 10 MB: 0.4 s


@functools.cache
def _privileges() -> Mapping[str, Mapping[str, Any]]:
    """All actions of AWS, by their names in small letters, as IAM compares them."""
    return {
        f"{service['prefix']}:{privilege['privilege']}".lower(): privilege
        for service in _parliament().iam_definition
        for privilege in service["privileges"]
    }


def is_action(action: str) -> bool:
    return action.lower() in _privileges()


def takes_resources(action: str) -> bool:
    """Whether a statement can name the resources of this action; otherwise it must say `*`."""
    return any(one["resource_type"] for one in _privileges()[action.lower()]["resource_types"])


def statements(document: Document) -> Sequence[Mapping[str, Any]]:
    found = document["Statement"]
    return found if isinstance(found, list) else [found]


def listed(value: Any) -> Sequence[Any]:
    """IAM takes one value in place of a list of one."""
    return value if isinstance(value, list) else [value]


def problems(document: Document, *, partition: str = "aws") -> list[str]:
    """What is wrong with a document: parliament's findings, and ARNs of another partition."""
    full = {**document, "Statement": [_with_resource(one, partition) for one in statements(document)]}
    # Where there is a principal, parliament does not compare actions with resources.
    plain = {
        **full,
        "Statement": [{key: each[key] for key in each if key != "Principal"} for each in full["Statement"]],
    }
    findings = [
        found for one in (full, plain) for found in _parliament().analyze_policy_string(json.dumps(one)).findings
    ]
    return sorted({_text(one) for one in findings} | set(_foreign_arns(json.dumps(document), partition)))


def _with_resource(statement: Mapping[str, Any], partition: str) -> Mapping[str, Any]:
    """A role's trust policy names no resource, which parliament demands: it is the role itself.

    In a key's policy `*` is the key itself (AWS KMS Developer Guide, "Key policies in AWS KMS").
    """
    if "Principal" not in statement:
        return statement
    if not {"Resource", "NotResource"} & statement.keys():
        return {**statement, "Resource": f"arn:{partition}:iam::123456789012:role/itself"}
    if statement.get("Resource") == "*" and all(one.startswith("kms:") for one in listed(statement["Action"])):
        # Of all of a service's actions, only those on a key.
        actions = [one for one in listed(statement["Action"]) if one != "kms:*"] or ["kms:DescribeKey"]
        return {**statement, "Action": actions, "Resource": f"arn:{partition}:kms:us-east-1:123456789012:key/itself"}
    return statement


def _text(finding: Any) -> str:
    return f"{finding.issue} {finding.detail}".strip()


def _foreign_arns(text: str, partition: str) -> Iterator[str]:
    for found in re.findall(r"arn:([^:\"]*):", text):
        if found != partition:
            yield f"WRONG_PARTITION an ARN of {found} in {partition}"
