"""What every operation shares: how AWS Batch refuses, and how an answer of MiniStack's own functions is read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.responses import error_response_json

Json = dict[str, Any]
Operation = Callable[[Json], Json]
Response = tuple[int, Mapping[str, str], bytes]

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,127}")
"""Names of jobs, queues, definitions and compute environments (API reference: up to 128 letters, digits, - and _)."""


class ClientException(Exception):
    """A request that AWS Batch answers with ClientException (HTTP 400); the text is its message."""


def as_handler(operation: Operation) -> Callable[[Json], Response]:
    """Turn an operation (request body in, response body out) into one of MiniStack's handlers."""

    def answer(payload: Json) -> Response:
        try:
            body = operation(payload)
        except ClientException as refusal:
            response: Response = error_response_json("ClientException", str(refusal), 400)
            return response
        return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()

    return answer


def call_stub(stub: Callable[[Json], Response], payload: Json) -> Json:
    """Call one of MiniStack's own handlers; returns its body, raises ClientException with its message if it refused."""
    status, _, raw = stub(payload)
    body: Json = json.loads(raw)
    if status != 200:
        raise ClientException(body.get("message", "refused"))
    return body


def required_name(payload: Json, key: str) -> str:
    """The new resource's name under `key`; raises ClientException when it is missing or not a name."""
    name = payload.get(key)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ClientException(f"{key} must match ^{NAME.pattern}$, got {name!r}")
    return name


def find_record(store: Any, reference: object, arn_key: str) -> Json | None:
    """The record of a MiniStack store that `reference`, a name or an ARN, means; None when there is none."""
    if not isinstance(reference, str):
        return None
    record: Json | None = store.get(reference.rsplit("/", 1)[-1])
    if record is None or (reference.startswith("arn:") and record[arn_key] != reference):
        return None
    return record


def parse_state(payload: Json, default: str | None = None) -> str | None:
    """`state` as ENABLED or DISABLED, in any case of letters; raises ClientException for another word."""
    state = payload.get("state", default)
    if state is None:
        return None
    if str(state).upper() not in ("ENABLED", "DISABLED"):
        raise ClientException(f"state must be ENABLED or DISABLED, got {state!r}")
    return str(state).upper()
