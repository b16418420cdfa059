"""Faults on demand: makes calls of AWS by deployed functions fail.

Only calls of functions match, never those of tests and tools: a function's User-Agent names its execution environment
(`functions.py` sets the SDK's application id).
"""

from __future__ import annotations

import base64
import json
import random
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import parse_qs

HITS_KEPT = 5_000
BODY_KEPT = 200_000  # characters of a matched request

_CALLER = re.compile(r"\bapp/(environment-[0-9]+)\b")
_TARGETS = {
    "DynamoDB_20120810": "dynamodb",
    "AmazonSSM": "ssm",
    "AmazonSQS": "sqs",
    "Logs_20140328": "logs",
    "secretsmanager": "secretsmanager",
}
_PATHS = {
    "/v2/email/outbound-emails": "ses:SendEmail",
    "/v1/listjobs": "batch:ListJobs",
    "/v1/describejobs": "batch:DescribeJobs",
    "/v1/describejobqueues": "batch:DescribeJobQueues",
    "/v1/describecomputeenvironments": "batch:DescribeComputeEnvironments",
}


@dataclass(frozen=True)
class Fault:
    """What happens to matching calls; times are in seconds.

    action: IAM's name, such as "sns:Publish"; a batch action counts as the single one.
    holds: text that the request's body contains.
    error, body, location: sent with `status` instead of executing the call, as AWS or a proxy in between would.
    skip: how many matches pass before the first hit.
    times: the largest number of hits; None for no limit.
    probability: of a hit for each match, drawn from `seed`.
    """

    action: str
    holds: str = ""
    error: str = ""  # AWS's error code, such as "ThrottlingException"
    status: int = 400
    message: str = "made to fail"
    body: str = ""  # of a response that is not AWS's
    location: str = ""  # the redirect of such a response
    delay: float = 0.0  # before anything else
    drip: float = 0.0  # between the bytes of the response to an executed call
    cut: str = ""  # cut the connection "before" or "after" executing the call
    kill: str = ""  # kill the calling function "before" or "after" executing the call
    skip: int = 0
    times: int | None = None
    probability: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not {self.cut, self.kill} <= {"", "before", "after"}:
            raise ValueError("cut and kill must be 'before' or 'after'")

    @property
    def replaces_response(self) -> bool:
        return bool(self.error or self.body or self.location)


@dataclass(frozen=True)
class FunctionCall:
    """A call of AWS by a function."""

    environment: str
    action: str
    protocol: str  # "json", "rest" or "query"
    body: str


@dataclass
class _ActiveFault:
    fault: Fault
    generator: random.Random
    seen: int = 0
    hits: list[str] = field(default_factory=list)
    count: int = 0

    def applies(self, call: FunctionCall) -> bool:
        fault = self.fault
        if call.action != fault.action or fault.holds not in call.body:
            return False
        if fault.times is not None and self.count >= fault.times:
            return False
        self.seen += 1
        return self.seen > fault.skip and self.generator.random() < fault.probability


class FaultInjector:
    """The active faults; a call gets the first one that applies."""

    def __init__(self) -> None:
        self._active: dict[int, _ActiveFault] = {}
        self._lock = threading.Lock()
        self._next = 1

    def add(self, fault: Fault) -> int:
        with self._lock:
            number, self._next = self._next, self._next + 1
            self._active[number] = _ActiveFault(fault, random.Random(fault.seed))
            return number

    def clear(self, number: int | None = None) -> None:
        """End one fault, or all. `hits` still answers afterwards."""
        with self._lock:
            for one in [number] if number is not None else list(self._active):
                self._active[one].fault = Fault("", times=0)

    def hits(self, number: int) -> list[str]:
        """The bodies of the requests that the fault hit."""
        with self._lock:
            return list(self._active[number].hits)

    def match(self, call: FunctionCall) -> Fault | None:
        with self._lock:
            for active in self._active.values():
                if active.applies(call):
                    active.count += 1
                    if len(active.hits) < HITS_KEPT:
                        active.hits.append(call.body[:BODY_KEPT])
                    return active.fault
        return None


def parse_call(path: str, headers: Mapping[str, str], body: bytes) -> FunctionCall | None:
    """The call that a request makes; None if no function sends it, or for a service that batchbell does not call."""
    caller = _CALLER.search(headers.get("user-agent", ""))
    if caller is None:
        return None
    text = body.decode("utf-8", "replace")
    action, protocol = identify(path, headers, text)
    if not action:
        return None
    readable = _readable_mail(text) if protocol == "rest" else text
    return FunctionCall(caller[1], action.removesuffix("Batch"), protocol, readable)


def identify(path: str, headers: Mapping[str, str], text: str) -> tuple[str, str]:
    """The action of a request, as IAM names it, and its protocol; empty texts if batchbell does not make such a call.

    headers: with names in lower case.
    text: the request's body.
    """
    service, _, operation = headers.get("x-amz-target", "").partition(".")
    if service in _TARGETS:
        return f"{_TARGETS[service]}:{operation}", "json"
    if path in _PATHS:
        return _PATHS[path], "rest"
    operation = parse_qs(text).get("Action", [""])[0]
    return (f"sns:{operation}", "query") if operation else ("", "")


def render_response(fault: Fault, protocol: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the fault: an error of AWS in the protocol of its SDK, or a proxy's response."""
    if not fault.error:
        headers = {"content-type": "text/html"} | ({"location": fault.location} if fault.location else {})
        return fault.status, headers, fault.body.encode()
    if protocol == "query":
        code, message = escape(fault.error), escape(fault.message)
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        text = f"<ErrorResponse>{error}<RequestId>0</RequestId></ErrorResponse>"
        return fault.status, {"content-type": "text/xml"}, text.encode()
    headers = {"content-type": "application/x-amz-json-1.0", "x-amzn-errortype": fault.error}
    content = {"__type": f"com.amazonaws#{fault.error}", "message": fault.message}
    return fault.status, headers, json.dumps(content).encode()


def _readable_mail(text: str) -> str:
    """Decode a MIME mail, which travels as base64, so that `holds` can match it."""
    try:
        request: Any = json.loads(text)
        return base64.b64decode(request["Content"]["Raw"]["Data"]).decode("utf-8", "replace")
    except (ValueError, KeyError, TypeError):
        return text
