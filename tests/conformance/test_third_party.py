"""The conformance tests of tests/third_party/acme_pager, which other tests install as somebody else's notifier."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import yaml

from batchbell.conformance import AwsEndpoint, Fault, NotifierConformance, Request, Response
from batchbell.contract import Notifier

SOURCE = Path(__file__).parents[1] / "third_party" / "acme_pager" / "acme_pager" / "notifier.py"
BODY_LIMIT = 1_048_576  # bytes: SQS API reference, "SendMessage"


def sqs_error(status: int, code: str) -> Response:
    return Response(status, json.dumps({"__type": f"com.amazonaws.sqs#{code}", "message": "No."}))


class Pages(AwsEndpoint):
    """SQS. `GetQueueUrl` is not a message."""

    success = Response(200, json.dumps({"MessageId": "94f20ce6"}))
    responses = AwsEndpoint.responses | {
        Fault.BUSY: [sqs_error(400, code) for code in ("RequestThrottled", "ThrottlingException")],
        Fault.BROKEN: [sqs_error(500, "InternalError"), sqs_error(503, "ServiceUnavailable"), sqs_error(403, "Denied")],
        Fault.REFUSED: [sqs_error(400, "InvalidMessageContents")],
        Fault.GONE: [sqs_error(400, "QueueDoesNotExist")],
        Fault.FALSE_SUCCESS: [Response(200, "{}")],
    }

    def _receive(self, request: Request) -> Response:
        if self._failure is None and request.headers.get("x-amz-target") == "AmazonSQS.GetQueueUrl":
            return Response(200, json.dumps({"QueueUrl": f"{self.url}/123456789012/pages"}))
        return super()._receive(request)

    def find_problem(self, request: Request) -> str | None:
        body = json.loads(request.body)["MessageBody"]
        return f"{len(body)} bytes are more than {BODY_LIMIT}" if len(body.encode()) > BODY_LIMIT else None

    def text_of(self, request: Request) -> str:
        page = yaml.load(json.loads(request.body)["MessageBody"], Loader=yaml.CSafeLoader)
        return f"{page['title']}\n{page['text']}"


def load() -> Any:
    specification = importlib.util.spec_from_file_location("acme_pager_notifier", SOURCE)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


class TestAcmePager(NotifierConformance):
    endpoint_type = Pages

    def make(self, endpoint: Pages) -> Notifier:
        pager: Notifier = load().create(
            {"queue_name": "pages"}, {"code": endpoint.secret("code", endpoint.new_token())}
        )
        return pager
