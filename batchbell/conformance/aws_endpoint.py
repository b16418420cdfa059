"""A fake AWS service, for notifiers that use `batchbell.aws_clients` and `batchbell.aws_errors`."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Sequence
from typing import ClassVar

import botocore.session
import pytest

from batchbell import aws_clients
from batchbell.conformance.fault import Fault
from batchbell.conformance.secret_texts import make_token
from batchbell.conformance.webhook_endpoint import WebhookEndpoint
from batchbell.testing.faulty_server import Response

# The Lambda's credentials are secrets, too.
SECRET_KEY, SESSION_TOKEN = make_token(), make_token()


class AwsEndpoint(WebhookEndpoint):
    """Receives every AWS call of this process.

    A subclass defines `success`, and with `aws_error` the `responses` for BUSY, BROKEN, REFUSED and GONE. FORBIDDEN has
    none: IAM lags behind a deployment, so a missing permission is temporary.
    """

    responses: ClassVar[dict[Fault, Sequence[Response]]] = {
        fault: responses
        for fault, responses in WebhookEndpoint.responses.items()
        if fault not in (Fault.BUSY, Fault.BROKEN, Fault.REFUSED, Fault.FORBIDDEN, Fault.GONE)
    }

    def __init__(self) -> None:
        super().__init__()
        self.path = ""
        self.secret_texts += [SECRET_KEY, SESSION_TOKEN]

    def prepare(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_SESSION_TOKEN": SESSION_TOKEN,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        monkeypatch.setattr(aws_clients, "open_session", _open_session)

    def name_of(self, response: Response) -> str:
        return "-".join([super().name_of(response), *response.headers.get("x-amzn-ErrorType", "").split()])


def aws_error(status: int, code: str, text: str = "No.", *, in_xml: bool = False) -> Response:
    """An AWS error response: JSON, or the XML of AWS's query protocol."""
    error = f"<Type>Sender</Type><Code>{code}</Code><Message>{text}</Message>"
    body = f"<ErrorResponse><Error>{error}</Error></ErrorResponse>" if in_xml else json.dumps({"message": text})
    return Response(status, body, {"x-amzn-ErrorType": code})


@functools.cache  # one session for all tests, as in the Lambda: making one takes 0.1 s
def _open_session() -> botocore.session.Session:
    return botocore.session.Session()
