"""The kit that every notifier is tested with: ours, and anybody's. Subclass `NotifierConformance`, and pytest runs some
fifty checks of what `batchbell.contract` asks for, against a fake of the channel on this machine:

- each kind of message arrives once and whole, the longest ones too, and from several threads at once;
- hostile text is harmless: the fake's `accepts` judges what arrived;
- every trouble of the channel is told as it is, as `Fault` lists: TemporaryError or PermanentError, with the time that
  it asked to wait; no redirect is followed, and nothing counts as delivered that may not be;
- a `send` ends in time, whatever the channel does, and the next message arrives when the channel is well again;
- no secret shows: in a log line of any level, on the screen, in an exception and those behind it, in `render`, `repr`.

A whole conformance test of a notifier that posts to a webhook:

    import json

    from batchbell.conformance import Answer, Fault, NotifierConformance, Request, WebhookEndpoint
    from batchbell_pager import notifier


    class PagerEndpoint(WebhookEndpoint):
        success = Answer(202, '{"status": "success"}')
        answers = WebhookEndpoint.answers | {Fault.STRANGE: [Answer(202, "<html>a proxy")]}

        def accepts(self, request: Request) -> str | None:
            summary = json.loads(request.body)["summary"]
            if len(summary) > 200:
                return f"summary has {len(summary)} characters, more than 200"
            return "a mention" if "<!" in summary else None


    class TestPager(NotifierConformance):
        endpoint_type = PagerEndpoint

        def make(self, endpoint):
            return notifier.create({}, {"webhook": endpoint.secret("webhook")})

        def hurry(self, monkeypatch):
            monkeypatch.setattr(notifier, "SEND_LIMIT", 0.5)

`endpoint.secret(name)` holds the fake's URL; a key of its own is `endpoint.secret("key", endpoint.new_token())`. Each
limit that the channel's reference names belongs into `accepts`. A channel that is reached through AWS's API has an
`AwsEndpoint`; one that does not speak HTTP, an `Endpoint` that plays each `Fault` in its own way.

The fake listens on 127.0.0.1 without TLS: a notifier that insists on its service's host name takes such a URL where
`AWS_ENDPOINT_URL` is on this machine too, as it is here (`batchbell.webhook.url_problem` does that).

It needs pytest, as nothing else of batchbell does: `pip install "batchbell[conformance]"`.
"""

from __future__ import annotations

try:
    import pytest  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "pytest":
        raise
    raise ImportError("batchbell.conformance needs pytest: pip install 'batchbell[conformance]'") from error

from batchbell.conformance.aws_endpoint import AwsEndpoint, refusal
from batchbell.conformance.endpoint import Endpoint
from batchbell.conformance.fault import Fault
from batchbell.conformance.notifier_conformance import NotifierConformance
from batchbell.conformance.webhook_endpoint import REPEATS, WebhookEndpoint
from batchbell.testing.faulty_server import Answer, Request

__all__ = [
    "REPEATS",
    "Answer",
    "AwsEndpoint",
    "Endpoint",
    "Fault",
    "NotifierConformance",
    "Request",
    "WebhookEndpoint",
    "refusal",
]
