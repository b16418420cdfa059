"""The conformance tests of the email notifier."""

from __future__ import annotations

import base64
import json
from email.message import EmailMessage
from urllib.parse import urlsplit

from batchbell.conformance import REQUEST_ECHO, AwsEndpoint, Fault, NotifierConformance, Request, Response, aws_error
from batchbell.contract import Notifier
from notifiers.email.notifier import create
from tests.notifiers.email.mail import HEADERS, TAGS, Page, body, read

LINKED = {"example.com", "us-east-1.console.aws.amazon.com"}


class Ses(AwsEndpoint):
    success = Response(200, '{"MessageId": "0100018"}')
    responses = AwsEndpoint.responses | {
        Fault.BUSY: [
            aws_error(429, "TooManyRequestsException"),
            *(aws_error(400, code) for code in ("ThrottlingException", "Throttling", "LimitExceededException")),
        ],
        Fault.BROKEN: [
            aws_error(500, "InternalFailure", REQUEST_ECHO),
            aws_error(503, "ServiceUnavailable", REQUEST_ECHO),
            aws_error(503, "BadRequestException", REQUEST_ECHO),
            aws_error(400, "SomethingNewException", REQUEST_ECHO),
            # Temporary: the operator can fix permissions, and IAM lags on a first deploy.
            aws_error(403, "AccessDeniedException"),
            *(aws_error(403, code, REQUEST_ECHO) for code in ("ExpiredTokenException", "SignatureDoesNotMatch")),
        ],
        Fault.REFUSED: [
            aws_error(400, code) for code in ("MessageRejected", "BadRequestException", "ValidationException")
        ],
        Fault.FORBIDDEN: [
            aws_error(400, code)
            for code in ("AccountSuspendedException", "SendingPausedException", "MailFromDomainNotVerifiedException")
        ],
        Fault.GONE: [aws_error(404, "NotFoundException")],
        Fault.FALSE_SUCCESS: [Response(200, "<html>Log in to the proxy</html>"), Response(200, "{}")],
    }

    def find_problem(self, request: Request) -> str | None:
        mail = read_mail(request)
        page = Page(body(mail, "html"))
        if more := set(mail.keys()) - HEADERS:
            return f"headers {more}"
        if not 1 <= len(mail["Subject"]) <= 150:
            return f"a subject of {len(mail['Subject'])} characters"
        if more := page.tags - TAGS:
            return f"tags {more}"
        if more := {str(urlsplit(link).hostname) for link in page.links} - LINKED:
            return f"links to {more}"
        if "\nBcc:" in body(mail, "plain").replace("\r\n", "\n"):
            return "a line that looks like a header"
        return None

    def text_of(self, request: Request) -> str:
        mail = read_mail(request)
        return "\n".join([mail["Subject"], body(mail, "plain"), Page(body(mail, "html")).text])


def read_mail(request: Request) -> EmailMessage:
    return read(base64.b64decode(json.loads(request.body)["Content"]["Raw"]["Data"]))


class TestEmail(NotifierConformance):
    endpoint_type = Ses

    def make(self, endpoint: Ses) -> Notifier:
        return create({"sender": "Batch Bell <batch@example.com>", "recipients": ["one@example.com"]}, {})
