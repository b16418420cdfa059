"""The kit that every notifier is tested with. It needs pytest, which nothing else of batchbell does.

A whole conformance test of a notifier that posts to a webhook:

    from batchbell.conformance import Answer, Fault, NotifierConformance, Request, WebhookEndpoint
    from batchbell_pager.notifier import create

    class PagerEndpoint(WebhookEndpoint):
        success = Answer(202, '{"status": "success"}')
        answers = WebhookEndpoint.answers | {Fault.STRANGE: [Answer(202, "<html>a proxy's</html>")]}

        def accepts(self, request: Request) -> str | None:
            alert = json.loads(request.body)
            if len(alert["summary"]) > 1024:
                return "summary has more than 1024 characters"
            return None

    class TestPager(NotifierConformance):
        endpoint_type = PagerEndpoint

        def make(self, endpoint: PagerEndpoint) -> Notifier:
            return create({}, {"webhook": endpoint.secret("webhook")})
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
from batchbell.faulty_server import Answer, Request

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
