"""Conformance tests for any notifier.

Subclass `NotifierConformance`, and pytest runs some seventy checks of the contract in `batchbell.contract`, against a
fake of the channel on this machine:

- each kind of message arrives once, even the longest, also when several threads send at once; a short one arrives
  whole, but for the parts that the test's `leaves_out` names;
- a command line arrives as it is or not at all;
- hostile text is harmless: the fake's `find_problem` checks every request; only https:// links arrive;
- each `Fault` of the channel raises the right error, TemporaryError or PermanentError, with the wait that the channel
  asked for, in seconds or as a date; no redirect is followed, and nothing counts as delivered that may not be;
- `send` ends in time whatever the channel does, and the next message arrives once the channel has recovered;
- no secret leaks, whole, encoded or in part: into a log line of any level, the output, an exception or its causes,
  `render` or `repr`; a rotated secret is noticed;
- `send` does not change the message, which other notifiers may share, and raises nothing that ends the process.

A whole conformance test of a notifier that posts to a webhook:

    import json

    from batchbell.conformance import Fault, NotifierConformance, Request, Response, WebhookEndpoint
    from batchbell_pager import notifier


    class PagerEndpoint(WebhookEndpoint):
        success = Response(202, '{"status": "success"}')
        responses = WebhookEndpoint.responses | {Fault.FALSE_SUCCESS: [Response(202, "<html>a proxy")]}

        def find_problem(self, request: Request) -> str | None:
            payload = json.loads(request.body)
            if len(payload["summary"]) > 200:
                return f"summary has {len(payload['summary'])} characters, more than 200"
            return "a mention" if "<!" in payload["summary"] + payload["details"] else None


    class TestPager(NotifierConformance):
        endpoint_type = PagerEndpoint
        leaves_out = {"jobs"}  # there is no room for those of a digest

        def make(self, endpoint):
            return notifier.create({}, {"webhook": endpoint.secret("webhook")})

        def shorten_limits(self, monkeypatch):
            monkeypatch.setattr(notifier, "SEND_LIMIT", 0.5)

`endpoint.secret(name)` holds the fake's URL; for a separate key, use `endpoint.secret("key", endpoint.new_token())`.
`find_problem` should check each limit that the channel's reference names. For a channel behind an AWS API, subclass
`AwsEndpoint`; for one that does not speak HTTP, subclass `Endpoint` and simulate each `Fault` in its own way.

A notifier that has `update` is tested by `UpdatingNotifierConformance` instead, whose endpoint gives receipts
(`respond`) and says what a request takes the place of (`replaces`): then all of this is tested for `update`, too, each
new message has a receipt without secrets, and an update may be repeated.

The fake listens on 127.0.0.1 without TLS. A notifier that accepts only its service's host name must also accept such a
URL while `AWS_ENDPOINT_URL` is on this machine, as it is during these tests (`batchbell.webhook.url_problem` does).

Needs pytest: `pip install "batchbell[conformance]"`.
"""

from __future__ import annotations

try:
    import pytest  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "pytest":
        raise
    raise ImportError("batchbell.conformance needs pytest: pip install 'batchbell[conformance]'") from error

from batchbell.conformance.aws_endpoint import AwsEndpoint, aws_error
from batchbell.conformance.endpoint import Endpoint
from batchbell.conformance.fault import Fault
from batchbell.conformance.notifier_conformance import NotifierConformance
from batchbell.conformance.updating_notifier_conformance import UpdatingNotifierConformance
from batchbell.conformance.webhook_endpoint import REQUEST_ECHO, WebhookEndpoint
from batchbell.testing.faulty_server import Request, Response

__all__ = [
    "REQUEST_ECHO",
    "AwsEndpoint",
    "Endpoint",
    "Fault",
    "NotifierConformance",
    "Request",
    "Response",
    "UpdatingNotifierConformance",
    "WebhookEndpoint",
    "aws_error",
]
