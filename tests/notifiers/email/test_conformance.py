"""Mail, through the kit that every notifier is tested with."""

from __future__ import annotations

import base64
import json
from email.message import EmailMessage
from urllib.parse import urlsplit

from batchbell.conformance import REPEATS, Answer, AwsEndpoint, Fault, NotifierConformance, Request, refusal
from batchbell.contract import Notifier
from notifiers.email.notifier import create
from tests.notifiers.email.mail import HEADERS, TAGS, Page, body, read

LINKED = {"example.com", "us-east-1.console.aws.amazon.com"}


class Ses(AwsEndpoint):
    success = Answer(200, '{"MessageId": "0100018"}')
    answers = AwsEndpoint.answers | {
        Fault.BUSY: [
            refusal(429, "TooManyRequestsException"),
            *(refusal(400, code) for code in ("ThrottlingException", "Throttling", "LimitExceededException")),
        ],
        Fault.BROKEN: [
            refusal(500, "InternalFailure", REPEATS),
            refusal(503, "ServiceUnavailable", REPEATS),
            refusal(503, "BadRequestException", REPEATS),
            refusal(400, "SomethingNewException", REPEATS),
            # Ours to mend, and IAM lags on a first deploy.
            refusal(403, "AccessDeniedException"),
            *(refusal(403, code, REPEATS) for code in ("ExpiredTokenException", "SignatureDoesNotMatch")),
        ],
        Fault.REFUSED: [
            refusal(400, code) for code in ("MessageRejected", "BadRequestException", "ValidationException")
        ],
        Fault.FORBIDDEN: [
            refusal(400, code)
            for code in ("AccountSuspendedException", "SendingPausedException", "MailFromDomainNotVerifiedException")
        ],
        Fault.GONE: [refusal(404, "NotFoundException")],
        Fault.STRANGE: [Answer(200, "<html>Log in to the proxy</html>"), Answer(200, "{}")],
    }

    def accepts(self, request: Request) -> str | None:
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
