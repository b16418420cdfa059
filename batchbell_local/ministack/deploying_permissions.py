"""Checks the requests of a deployment as AWS does, in MiniStack's process: `deploying_checks` says what is checked.

MiniStack finds the resources of most requests about data, but few of those that create and change resources, and does
not check iam:PassRole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote

from ministack.core import iam_actions, iam_evaluator
from ministack.services import ec2, iam, lambda_svc

from batchbell_local.ministack.deploying_checks import Check, Known, Request, checks_of

MAPPING_PATH = re.compile(r"/event-source-mappings/[^/]+/?$")
TAGS = re.compile(r"(.+\.)?Tags?(\.member)?\.\d+\.Key")

# The further checks of this request, by the action that MiniStack itself checks.
_further: ContextVar[tuple[str, list[Check]]] = ContextVar("further checks", default=("", []))

_refused: ContextVar[tuple[str, str]] = ContextVar(
    "the request's action, and the one that was refused", default=("", "")
)


def install() -> None:
    """Make this process's MiniStack check all of this."""
    _tell_reading_from_listing()
    _find_resources()
    _check_all()
    _name_the_refused_action()


def _tell_reading_from_listing() -> None:
    """MiniStack takes GetEventSourceMapping for ListEventSourceMappings."""
    extract = iam_actions.extract_iam_action

    def extract_iam_action(service: str, method: str, path: str, *request: Any) -> str | None:
        action: str | None = extract(service, method, path, *request)
        reads = action == "lambda:ListEventSourceMappings" and MAPPING_PATH.search(path)
        return "lambda:GetEventSourceMapping" if reads else action

    iam_actions.extract_iam_action = extract_iam_action


def _find_resources() -> None:
    extract = iam_actions.extract_resource_arn

    def extract_resource_arn(
        service: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        query_params: Mapping[str, Any],
        region: str,
        account: str,
    ) -> str:
        own: str = extract(service, method, path, headers, body, query_params, region, account)
        action = iam_actions.extract_iam_action(service, method, path, headers, body, query_params)
        if action is None:
            return own
        parameters = _parameters(body, query_params)
        request = Request(action, parameters, unquote(path), _has_tags(parameters), region, account)
        first, *further = checks_of(request, _known(account), own)
        _further.set((action, [Check(action, first.resource, first.context), *further]))
        return first.resource

    iam_actions.extract_resource_arn = extract_resource_arn


def _check_all() -> None:
    enforce = iam_evaluator.enforce

    def enforce_all(
        access_key: str,
        action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: Mapping[str, Any] | None = None,
    ) -> Any:
        expected, checks = _further.get()
        if action != expected or not checks or resource_arn != checks[0].resource:
            return enforce(access_key, action, service, region, resource_arn, service_context)
        _further.set(("", []))
        for one in checks:
            context = {**(service_context or {}), **one.context}
            if denied := enforce(access_key, one.action, service, region, one.resource, context):
                _refused.set((action, one.action))
                return denied
        return None

    iam_evaluator.enforce = enforce_all


def _name_the_refused_action() -> None:
    """MiniStack names the request's own action, whichever was refused."""
    respond = iam_actions.access_denied_response

    def access_denied_response(service: str, action: str, *details: Any, **named: Any) -> Any:
        request, refused = _refused.get()
        return respond(service, refused if action == request else action, *details, **named)

    iam_actions.access_denied_response = access_denied_response


def _parameters(body: bytes, query_params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the body's fields, or those of a query, whose values MiniStack may have as lists of one."""
    try:
        content = json.loads(body) if body[:1] == b"{" else {}
    except ValueError:
        content = {}  # the handler reports the mistake
    query = {name: value[0] if isinstance(value, list) else value for name, value in query_params.items() if value}
    return {**query, **content} if isinstance(content, dict) else query


def _has_tags(parameters: Mapping[str, Any]) -> bool:
    return any(parameters.get(name) for name in ("Tags", "tags")) or any(TAGS.fullmatch(name) for name in parameters)


def _known(account: str) -> Known:
    return Known(
        role_arn=lambda name: str((iam._roles.get(name) or {}).get("Arn", f"arn:aws:iam::{account}:role/{name}")),
        profile_role=_profile_role,
        mapping_function=lambda id: str((lambda_svc._esms.get(id) or {}).get("FunctionArn", "")),
        ec2_tags=lambda id: {tag["Key"]: tag["Value"] for tag in ec2._tags.get(id) or ()},
        has_batch_role=lambda: "AWSServiceRoleForBatch" in iam._roles,
    )


def _profile_role(name: str) -> str:
    roles = (iam._instance_profiles.get(name) or {}).get("Roles") or [""]
    return str(roles[0].get("RoleName", "") if isinstance(roles[0], dict) else roles[0])
