"""`batchbell.webhook`, which all notifiers with a webhook share. slack/test_send.py tries each response of a server."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests

from batchbell.contract import PermanentError, Secret, TemporaryError
from batchbell.time_limit import SEND_LIMIT
from batchbell.webhook import Address, Webhook, WebhookResponse, WrongWebhook, classify, read_retry_after
from batchbell_local.slack.sink import SlackSink


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_2xx_counts_as_delivered_by_default(status: int) -> None:
    assert classify(WebhookResponse("Pager", status, "")) is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (101, PermanentError),
        (302, PermanentError),
        (400, PermanentError),
        (401, WrongWebhook),
        (404, WrongWebhook),
        (408, TemporaryError),
        (413, PermanentError),
        (429, TemporaryError),
        (500, TemporaryError),
        (503, TemporaryError),
    ],
)
def test_an_error_names_the_service_and_the_status_and_nothing_of_the_response(
    status: int, kind: type[Exception]
) -> None:
    problem = classify(WebhookResponse("Pager", status, "no, not /hooks/SECRET", "7"))
    assert type(problem) is kind
    assert str(problem).startswith(f"Pager answered {status}")
    assert "SECRET" not in str(problem)
    assert getattr(problem, "retry_after", 7) == 7


@pytest.mark.parametrize("status", [101, 103, 502, 504])
def test_what_a_proxy_answers_may_have_been_delivered(status: int) -> None:
    problem = classify(WebhookResponse("Pager", status, ""))

    assert problem is not None
    assert problem.maybe_delivered


@pytest.mark.parametrize(("status", "every_message"), [(302, True), (404, True), (400, False), (413, False)])
def test_a_refusal_says_whether_it_is_about_the_message_or_the_channel(status: int, every_message: bool) -> None:
    problem = classify(WebhookResponse("Pager", status, ""))

    assert isinstance(problem, PermanentError)
    assert (problem.every_message, problem.maybe_delivered) == (every_message, False)


def test_other_requests_through_urllib3_are_still_logged(sink: SlackSink, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="urllib3"):
        requests.post(sink.url.replace("/services/", "/elsewhere/"), timeout=60)
    assert "/elsewhere/" in caplog.text


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("30", 30),
        (" 30 ", 30),
        ("1.5", 1.5),
        ("0", 0),
        ("86401", 86_400),
        ("999999999", 86_400),
        ("9" * 99, 86_400),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("inf", None),
        ("nan", None),
        ("1e9", None),
        ("9" * 400, None),
        ("٣", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Thu, 99 Foo 99999 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_nothing(header: str | None, seconds: float | None) -> None:
    assert read_retry_after(header) == seconds


@pytest.mark.parametrize("zone", ["GMT", "-0000"])
def test_retry_after_may_be_a_date(zone: str) -> None:
    text = format_datetime(datetime.now(UTC) + timedelta(seconds=60)).replace("+0000", zone)
    seconds = read_retry_after(text)
    assert seconds is not None
    assert 50 < seconds <= 60


def token_api(sink: SlackSink, **more: Any) -> Webhook:
    """A service whose address is known, and whose secret is a token."""
    return Webhook(
        Secret("token", lambda fresh: "pager-1234"),
        "Pager",
        lambda token: None if token.startswith("pager-") else "no token",
        locate=lambda token: Address(sink.url, {"Authorization": f"Bearer {token}"}),
        **more,
    )


def test_a_token_is_sent_in_a_header_to_the_located_address(sink: SlackSink) -> None:
    assert token_api(sink).post({"text": "done"}) == "ok"
    request = sink.requests[-1]
    assert request.headers["authorization"] == "Bearer pager-1234"
    assert request.headers["content-type"] == "application/json"


def test_as_much_of_the_response_is_returned_as_was_asked_for(sink: SlackSink) -> None:
    sink.answer(status=200, body="x" * 5_000, times=1)
    assert token_api(sink, response_limit=4_000).post({"text": "done"}) == "x" * 4_000


def test_what_a_send_took_before_counts(sink: SlackSink) -> None:
    before = len(sink.requests)
    with pytest.raises(TemporaryError, match="no time left"):
        token_api(sink).post({"text": "done"}, spent=SEND_LIMIT)
    assert len(sink.requests) == before


def test_an_address_shows_nothing_of_itself() -> None:
    assert repr(Address("https://pager.example/SECRET", {"Authorization": "SECRET"})) == "Address()"
