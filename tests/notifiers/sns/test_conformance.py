"""The conformance tests of the SNS notifier."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs

from batchbell.conformance import REQUEST_ECHO, AwsEndpoint, Fault, NotifierConformance, Request, Response, aws_error
from batchbell.contract import Message, Notifier
from notifiers.sns.notifier import create

PUBLISHED = "<PublishResponse><PublishResult><MessageId>94f20ce6</MessageId></PublishResult></PublishResponse>"
REFUSALS = ("InvalidParameter", "InvalidParameterException", "ParameterValueInvalid", "ValidationException")
MESSAGE_LIMIT = 256 * 1024  # bytes: SNS API reference, "Publish"


class Sns(AwsEndpoint):
    success = Response(200, PUBLISHED)
    responses = AwsEndpoint.responses | {
        Fault.BUSY: [
            aws_error(400, code, in_xml=True) for code in ("Throttling", "ThrottledException", "KMSThrottling")
        ],
        Fault.BROKEN: [
            aws_error(500, "InternalError", REQUEST_ECHO, in_xml=True),
            aws_error(503, "ServiceUnavailable", REQUEST_ECHO, in_xml=True),
            *(aws_error(400, code, in_xml=True) for code in ("KMSAccessDenied", "KMSDisabled")),
            # IAM lags on a first deploy.
            *(aws_error(403, code, in_xml=True) for code in ("AuthorizationError", "AccessDenied")),
            *(
                aws_error(403, code, REQUEST_ECHO, in_xml=True)
                for code in ("InvalidClientTokenId", "SignatureDoesNotMatch")
            ),
        ],
        Fault.REFUSED: [
            aws_error(400, code, in_xml=True)
            for code in (
                "InvalidParameter",
                "InvalidParameterException",
                "ParameterValueInvalid",
                "ValidationException",
            )
        ],
        Fault.GONE: [aws_error(404, "NotFound", in_xml=True), aws_error(400, "EndpointDisabled", in_xml=True)],
        Fault.FALSE_SUCCESS: [
            Response(200, body) for body in ("<html>Log in to the proxy</html>", "", PUBLISHED.replace("Id>", "s>"))
        ],
    }

    def find_problem(self, request: Request) -> str | None:
        form = read_form(request)
        message = form["Message"]
        if not re.fullmatch(r"[!-~][ -~]{0,98}", form["Subject"]):
            return f"the subject is not 1 to 99 characters of ASCII: {form['Subject']!r}"
        attributes = {name: value for name, value in form.items() if name.startswith("MessageAttributes.")}
        size = len((message + "".join(map("".join, attributes.items()))).encode())
        if size > MESSAGE_LIMIT:
            return f"{size} bytes are more than {MESSAGE_LIMIT}"
        for name, value in attributes.items():
            if name.endswith("StringValue") and not 1 <= len(value) <= 256:
                return f"{name} has {len(value)} characters"
        by_protocol = json.loads(message)
        if not re.fullmatch(r"[!-~][ -~]{0,139}", by_protocol["sms"]):
            return f"the SMS is not 1 to 140 characters of ASCII: {by_protocol['sms']!r}"
        Message.from_dict(json.loads(by_protocol["sqs"]))
        return None

    def text_of(self, request: Request) -> str:
        return "\n".join(json.loads(read_form(request)["Message"]).values())


def read_form(request: Request) -> dict[str, str]:
    parsed = parse_qs(request.body.decode(), strict_parsing=True, keep_blank_values=True)
    return {name: value for name, (value,) in parsed.items()}


class TestSns(NotifierConformance):
    endpoint_type = Sns

    def make(self, endpoint: Sns) -> Notifier:
        return create({"topic_arn": "arn:aws:sns:us-east-1:123456789012:ops"}, {})
