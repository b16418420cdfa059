"""Checks the permissions for message move tasks.

MiniStack checks one action on the queue in QueueUrl, which these calls do not have. (SQS Developer Guide, "Troubleshoot
Amazon SQS dead-letter queue and DLQ redrive issues": the AccessDenied permission issue.)

SQS moves messages with the caller's permissions, so a caller that starts a task needs those to receive and delete in
the source and to send to the destination. The queues' own policies count too.
"""

from __future__ import annotations

import base64
import json
from contextvars import ContextVar
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_region
from ministack.core.router import extract_access_key_id
from ministack.services import sqs

Json = dict[str, Any]
_key: ContextVar[str] = ContextVar("access key of the request")


def install() -> None:
    """Make this process's MiniStack check these calls on the source queue."""
    extract = iam_actions.extract_resource_arn

    def extract_resource_arn(
        service: str, method: str, path: str, headers: Json, body: bytes, query_params: Json, *place: str
    ) -> str:
        if service == "sqs" and "MessageMoveTask" in headers.get("x-amz-target", ""):
            _key.set(extract_access_key_id(headers, query_params))
            return _source_arn(body)
        arn: str = extract(service, method, path, headers, body, query_params, *place)
        return arn

    iam_actions.extract_resource_arn = extract_resource_arn


def check_permissions(queue: Json, *actions: str) -> None:
    """Raise SQS's AccessDenied unless the caller may perform all of these actions on the queue."""
    arn = queue["attributes"]["QueueArn"]
    for name in actions:
        action = f"sqs:{name}"
        sqs._enforce_queue_policy(queue, action)
        if iam_evaluator.enforce(_key.get(), action, "sqs", get_region(), resource_arn=arn) is not None:
            text = f"User: {iam_evaluator.caller_arn()} is not authorized to perform: {action} on resource: {arn}"
            raise sqs._Err("AccessDenied", text, 403)


def _source_arn(body: bytes) -> str:
    """The ARN of the source queue that the call names; "*" if it names none."""
    try:
        request = json.loads(body)
        if "TaskHandle" in request:
            request = {"SourceArn": json.loads(base64.b64decode(request["TaskHandle"]))["sourceArn"]}
        return str(request.get("SourceArn") or "*")
    except (ValueError, KeyError, TypeError, AttributeError):
        return "*"  # the handler reports the mistake
