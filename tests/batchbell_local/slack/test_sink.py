from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from batchbell_local.slack.sink import SlackResponse, SlackSink
from tests.waiting import within

MESSAGE: Any = {"text": "done", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "7 of 7"}}]}


def section(**parts: Any) -> dict[str, Any]:
    return {"text": "t", "blocks": [{"type": "section", **parts}]}


def mrkdwn(length: int) -> dict[str, str]:
    return {"type": "mrkdwn", "text": "x" * length}


@pytest.fixture
def sink() -> Iterator[SlackSink]:
    with SlackSink.start() as running:
        yield running


def post(sink: SlackSink, payload: Any = None, **more: Any) -> requests.Response:
    return requests.post(sink.url, json=MESSAGE if payload is None else payload, timeout=60, **more)


def test_a_message_is_accepted_with_200_and_ok(sink: SlackSink) -> None:
    answer = post(sink)
    assert (answer.status_code, answer.text) == (200, "ok")
    assert sink.accepted == [MESSAGE]
    (request,) = sink.requests
    assert (request.method, request.answered, request.violation) == ("POST", 200, "")
    assert request.headers["content-type"] == "application/json"
    assert sink.url.endswith(request.path)


@pytest.mark.parametrize(
    "payload",
    [
        {"text": "x" * 40_000},
        {"blocks": MESSAGE["blocks"]},
        {"attachments": [{"fallback": "t", "text": "t"}]},
        {"text": "t", "blocks": [{"type": "divider"}] * 50},
        section(text=mrkdwn(3000)),
        section(fields=[mrkdwn(2000)] * 10),
        {"text": "t", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 150}}]},
        {"text": "t", "blocks": [{"type": "context", "elements": [mrkdwn(10)] * 10}]},
    ],
)
def test_payloads_just_within_slacks_limits_are_accepted(sink: SlackSink, payload: dict[str, Any]) -> None:
    assert post(sink, payload).text == "ok"
    assert sink.accepted == [payload]


def plain(length: int) -> dict[str, str]:
    return {"type": "plain_text", "text": "x" * length}


def button(**fields: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain(3), "url": "https://example.com", "action_id": "one", **fields}


def rich_text(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"text": "t", "blocks": [{"type": "rich_text", "elements": list(elements)}]}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"text": "t", "blocks": [{"type": "actions", "elements": list(elements)}]}


@pytest.mark.parametrize(
    ("payload", "fault"),
    [
        ({}, "neither text nor blocks"),
        ({"text": "  ", "blocks": []}, "neither text nor blocks"),
        ({"text": 7}, "text is not a string"),
        ({"text": "x" * 40_001}, "text has 40001 characters, more than 40000"),
        ({"text": "t", "blocks": {}}, "blocks is not a list"),
        ({"text": "t", "blocks": [{"type": "divider"}] * 51}, "51 blocks, more than 50"),
        ({"text": "t", "blocks": [{"type": "divider"}, {"type": "fancy"}]}, "block 1: unknown type 'fancy'"),
        ({"text": "t", "blocks": ["divider"]}, "block 0: unknown type None"),
        (section(), "block 0: a section needs text or fields"),
        (section(text="plain"), "block 0: section text is not a text object of type mrkdwn or plain_text"),
        (section(text=mrkdwn(0)), "block 0: section text has 0 characters, not 1 to 3000"),
        (section(text=mrkdwn(3001)), "block 0: section text has 3001 characters, not 1 to 3000"),
        (section(fields=[mrkdwn(1)] * 11), "block 0: a section takes 1 to 10 fields"),
        (section(fields=[mrkdwn(2001)]), "block 0: field has 2001 characters, not 1 to 2000"),
        (
            {"text": "t", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]},
            "block 0: header text has 151 characters, not 1 to 150",
        ),
        (
            {"text": "t", "blocks": [{"type": "header", "text": mrkdwn(3)}]},
            "block 0: header text is not a text object of type plain_text",
        ),
        (
            {"text": "t", "blocks": [{"type": "context", "elements": []}]},
            "block 0: a context block takes 1 to 10 elements",
        ),
        (actions(), "block 0: an actions block takes 1 to 25 elements"),
        (actions(*[{}] * 26), "block 0: an actions block takes 1 to 25 elements"),
        (actions(button(text=mrkdwn(3))), "block 0: button text is not a text object of type plain_text"),
        (actions(button(text=plain(76))), "block 0: button text has 76 characters, not 1 to 75"),
        (actions(button(url="https://" + "x" * 3_000)), "block 0: a button's url has more than 3000 characters"),
        (actions(button(), button()), "block 0: two elements have one action_id"),
        (rich_text(), "block 0: a rich_text block needs elements"),
        (rich_text({"type": "rich_text_section"}), "block 0: an element of a rich_text block needs elements"),
        (
            rich_text({"type": "rich_text_preformatted", "elements": [{"type": "text", "text": ""}]}),
            "block 0: a text of a rich_text block is empty",
        ),
        ([], "the body is not a JSON object"),
    ],
)
def test_payloads_that_slack_would_refuse_are_refused(sink: SlackSink, payload: Any, fault: str) -> None:
    answer = post(sink, payload)
    assert (answer.status_code, answer.text) == (400, "invalid_payload")
    assert sink.accepted == []
    assert [(request.answered, request.violation) for request in sink.requests] == [(400, fault)]


def test_only_a_posted_json_body_is_accepted(sink: SlackSink) -> None:
    answers = [
        requests.get(sink.url, timeout=60),
        requests.post(sink.url, data={"payload": "{}"}, timeout=60),
        requests.post(sink.url, data=b"{", headers={"Content-Type": "application/json"}, timeout=60),
        requests.put(sink.url, json=MESSAGE, timeout=60),
    ]
    assert [answer.status_code for answer in answers] == [400] * 4
    assert [request.method for request in sink.requests] == ["GET", "POST", "POST", "PUT"]
    assert sink.accepted == []


def test_another_path_is_answered_with_no_service(sink: SlackSink) -> None:
    answer = requests.post(sink.url + "x", json=MESSAGE, timeout=60)
    assert (answer.status_code, answer.text) == (404, "no_service")
    assert sink.accepted == []


def test_it_fails_as_often_as_requested(sink: SlackSink) -> None:
    sink.answer(status=429, headers={"Retry-After": "7"}, times=2)
    answers = [post(sink) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[0].json()["error"] == "rate_limited"
    assert len(sink.accepted) == 1


def test_it_fails_until_it_is_reset(sink: SlackSink) -> None:
    sink.answer(status=404)
    assert [(post(sink)).text for _ in range(3)] == ["no_service"] * 3
    sink.answer(status=200)
    assert post(sink).text == "ok"
    assert [request.answered for request in sink.requests] == [404, 404, 404, 200]


def test_a_200_without_ok_accepts_nothing(sink: SlackSink) -> None:
    sink.answer(status=200, body="<html>a proxy's page</html>")
    assert post(sink).status_code == 200
    assert sink.accepted == []


def test_a_caller_that_gives_up_on_a_slow_response_loses_only_the_response(sink: SlackSink) -> None:
    sink.answer(status=200, delay=30, times=1)
    with pytest.raises(requests.ReadTimeout):
        requests.post(sink.url, json=MESSAGE, timeout=(60, 0.1))
    assert sink.wait_for(1, timeout=60) == [MESSAGE]


def test_a_closed_port_refuses_connections_and_can_be_opened_again(sink: SlackSink) -> None:
    with requests.Session() as session:
        assert session.post(sink.url, json=MESSAGE, timeout=60).text == "ok"
        sink.kill()
        for caller in (session, requests):  # also over the connection that was kept open
            with pytest.raises(requests.ConnectionError):
                caller.post(sink.url, json=MESSAGE, timeout=60)
        sink.listen()
        assert session.post(sink.url, json=MESSAGE, timeout=60).text == "ok"
    assert len(sink.accepted) == 2


def test_a_port_that_stops_listening_keeps_its_open_connections(sink: SlackSink) -> None:
    with requests.Session() as session:
        session.post(sink.url, json=MESSAGE, timeout=60)
        sink.stop_listening()
        assert session.post(sink.url, json=MESSAGE, timeout=60).text == "ok"
        with pytest.raises(requests.ConnectionError):
            post(sink)


@pytest.mark.parametrize(("cut", "error"), [("before", "Connection"), ("middle", "Incomplete|Chunked|Connection")])
def test_a_cut_response_is_lost_but_the_message_is_not(sink: SlackSink, cut: str, error: str) -> None:
    sink.answer(status=200, cut=cut, times=1)
    with pytest.raises(requests.RequestException, match=error):
        post(sink)
    assert sink.accepted == [MESSAGE]
    assert post(sink).text == "ok"


def test_a_response_can_drip(sink: SlackSink) -> None:
    sink.answer(status=200, drip=0.2, times=1)
    start = time.monotonic()
    assert post(sink).text == "ok"
    assert time.monotonic() - start > 0.3


def test_messages_above_the_rate_are_refused_with_a_retry_after(sink: SlackSink) -> None:
    sink.limit(per_second=0.01, burst=2)  # no third one while the test runs
    answers = [post(sink) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429, 429]
    assert answers[2].headers["Retry-After"] == "1"
    assert len(sink.accepted) == 2


def test_each_payload_can_have_its_own_response(sink: SlackSink) -> None:
    sink.answer_with(lambda body: SlackResponse.of(500) if "bad" in body else None)
    assert [post(sink, {"text": text}).status_code for text in ("bad", "good")] == [500, 200]
    assert sink.accepted == [{"text": "good"}]


def test_the_callback_runs_before_the_response_is_sent(sink: SlackSink) -> None:
    accepted: list[str] = []
    sink.on_accepted(lambda body: accepted.append(f"{body} {len(sink.accepted)}"))
    post(sink, {"text": "x"})
    assert accepted == ['{"text": "x"} 1']


def test_waiting_ends_when_enough_has_arrived(sink: SlackSink) -> None:
    timer = threading.Timer(0.1, lambda: [post(sink) for _ in range(2)])
    timer.start()
    assert sink.wait_for(2, timeout=60) == [MESSAGE, MESSAGE]
    timer.join()


def test_a_wait_that_times_out_says_what_arrived_instead(sink: SlackSink) -> None:
    sink.answer(status=500)
    post(sink)
    with within(2), pytest.raises(TimeoutError, match=r"fewer than 1 accepted payloads within 0.1 s.*\(500, ''\)"):
        sink.wait_for(1, timeout=0.1)
    assert sink.wait_for_requests(1, timeout=0.1) == []


def test_many_concurrent_callers_lose_nothing(sink: SlackSink) -> None:
    callers = [threading.Thread(target=post, args=(sink, {"text": str(number)})) for number in range(30)]
    for caller in callers:
        caller.start()
    taken = sink.wait_for(30, timeout=60)
    assert sorted(int(payload["text"]) for payload in taken) == list(range(30))
    for caller in callers:
        caller.join()


def test_it_never_prints_its_secret(sink: SlackSink, capfd: pytest.CaptureFixture[str]) -> None:
    post(sink)
    secret = sink.url.rpartition("/")[2]
    assert secret not in "".join(capfd.readouterr())
    assert secret not in repr(sink)
