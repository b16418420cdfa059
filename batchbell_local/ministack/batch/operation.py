"""What all operations share: Batch's error, the adapters to and from MiniStack's handlers, checks of common fields."""

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
    """Turn an operation (request body in, response body out) into a handler for MiniStack."""

    def handle(payload: Json) -> Response:
        try:
            body = operation(payload)
        except ClientException as refusal:
            response: Response = error_response_json("ClientException", str(refusal), 400)
            return response
        return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()

    return handle


def call_stub(stub: Callable[[Json], Response], payload: Json) -> Json:
    """Call one of MiniStack's handlers and return its body. Raises ClientException with its message if it refuses."""
    status, _, raw = stub(payload)
    body: Json = json.loads(raw)
    if status != 200:
        raise ClientException(body.get("message", "refused"))
    return body


def required_name(payload: Json, key: str) -> str:
    """The new resource's name under `key`. Raises ClientException if it is missing or invalid."""
    name = payload.get(key)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ClientException(f"{key} must match ^{NAME.pattern}$, got {name!r}")
    return name


def find_record(store: Any, reference: object, arn_key: str) -> Json | None:
    """The record in a MiniStack store that `reference`, a name or an ARN, names; None if there is none."""
    if not isinstance(reference, str):
        return None
    record: Json | None = store.get(reference.rsplit("/", 1)[-1])
    if record is None or (reference.startswith("arn:") and record[arn_key] != reference):
        return None
    return record


def parse_state(payload: Json, default: str | None = None) -> str | None:
    """The request's `state` in upper case. Raises ClientException if it is neither ENABLED nor DISABLED."""
    state = payload.get("state", default)
    if state is None:
        return None
    if str(state).upper() not in ("ENABLED", "DISABLED"):
        raise ClientException(f"state must be ENABLED or DISABLED, got {state!r}")
    return str(state).upper()
