"""What each response of a webhook means, tried with local servers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import pytest

from batchbell.contract import Message, PermanentError, TemporaryError
from batchbell_local.slack.sink import SlackSink
from notifiers.slack.notifier import webhook_problem
from tests.waiting import within

Send = Callable[..., None]
Serve = Callable[[Callable[[socket.socket], None]], str]


def test_a_message_arrives(send: Send, sink: SlackSink, failed: Message) -> None:
    send(failed, sink.url)
    (payload,) = sink.accepted
    assert failed.title in payload["text"]
    assert [request.violation for request in sink.requests] == [""]


@pytest.mark.parametrize("status", [500, 503, 599])
def test_an_error_inside_slack_is_temporary_and_nothing_was_delivered(
    send: Send, sink: SlackSink, failed: Message, status: int
) -> None:
    sink.answer(status=status, body="rollup_error")
    with pytest.raises(TemporaryError, match=f"{status} rollup_error") as caught:
        send(failed, sink.url)
    assert not caught.value.maybe_delivered


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, "invalid_payload"),
        (401, "no_team"),
        (403, "action_prohibited"),
        (404, "no_service"),
        (405, "method_not_allowed"),
        (410, "channel_is_archived"),
        (200, "invalid_token"),
        (204, ""),
    ],
)
def test_a_refusal_is_permanent_and_quotes_slacks_error(
    send: Send, sink: SlackSink, failed: Message, status: int, body: str
) -> None:
    sink.answer(status=status, body=body)
    with pytest.raises(PermanentError, match=f"{status} {body}".strip()):
        send(failed, sink.url)


def test_a_redirect_is_permanent(send: Send, sink: SlackSink, failed: Message) -> None:
    sink.answer(status=302, headers={"Location": sink.url}, times=1)
    with pytest.raises(PermanentError, match="redirected"):
        send(failed, sink.url)


def test_a_server_without_tls_received_nothing(send: Send, failed: Message) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def run() -> None:
            connection, _ = listening.accept()
            connection.recv(100)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.close()

        threading.Thread(target=run, daemon=True).start()
        with pytest.raises(TemporaryError) as caught:
            send(failed, f"https://127.0.0.1:{listening.getsockname()[1]}/services/x")
    assert not caught.value.maybe_delivered


@pytest.mark.parametrize(
    "start", [b"Content-Length: 2\r\n\r\n", b"Content-Length: 2\r\n\r\no", b"Transfer-Encoding: chunked\r\n\r\n2\r\no"]
)
def test_after_a_broken_response_the_message_may_have_been_delivered(
    send: Send, serve: Serve, failed: Message, start: bytes
) -> None:
    with pytest.raises(TemporaryError) as caught:
        send(failed, serve(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\n" + start)))
    assert caught.value.maybe_delivered


@pytest.mark.parametrize("answer", [b"Transfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", b"\r\nok"])
def test_ok_counts_in_any_framing(send: Send, serve: Serve, failed: Message, answer: bytes) -> None:
    send(failed, serve(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\n" + answer)))


def test_an_endless_response_is_not_read_to_its_end(send: Send, serve: Serve, failed: Message) -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with within(2), pytest.raises(PermanentError):
        send(failed, serve(flood))


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_rotated_webhook_is_read_again_and_used_at_once(
    send: Send, sink: SlackSink, failed: Message, status: int
) -> None:
    with SlackSink.start() as old:
        old.answer(status=status)
        send(failed, old.url, sink.url)
        assert len(old.requests) == 1
    assert len(sink.accepted) == 1


def test_a_dead_webhook_that_was_not_rotated_is_tried_once(send: Send, sink: SlackSink, failed: Message) -> None:
    sink.answer(status=404)
    with pytest.raises(PermanentError, match="404 no_service"):
        send(failed, sink.url)
    assert len(sink.requests) == 1


def test_a_malformed_secret_is_permanent_unless_it_was_fixed(send: Send, sink: SlackSink, failed: Message) -> None:
    with pytest.raises(PermanentError, match="does not look like"):
        send(failed, "not a webhook")
    send(failed, "not a webhook", sink.url)
    assert len(sink.accepted) == 1


def test_proxies_and_netrc_do_not_matter(
    send: Send, sink: SlackSink, failed: Message, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    netrc = f"{tmp_path}/netrc"
    with open(netrc, "w", encoding="ascii") as file:
        file.write("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", netrc)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    send(failed, sink.url)
    assert "authorization" not in sink.requests[0].headers


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
        "https://hooks.slack-gov.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
        "http://127.0.0.1:8080/services/T0/B0/x",
        "http://localhost:8080/hook",
        "http://[::1]:8080/hook",
    ],
)
def test_a_webhook_is_accepted(url: str) -> None:
    assert webhook_problem(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://hooks.slack.com/",
        "http://hooks.slack.com/services/T0/B0/SECRET",
        "https://hooks.slack.com\\@evil.com/services/T0/B0/SECRET",
        "https://hooks.slack.com@evil.com/services/T0/B0/SECRET",
        "https://hooks.slack.com.evil.com/services/T0/B0/SECRET",
        "https://user:SECRET@hooks.slack.com/services/T0/B0/SECRET",
        "https://hooks.slack.com/services/T0/B0/SECRET\n",
        "https://hooks.slack.com/services/T0/B0/SECRET/../../x",
        "https://hooks.slack.com/services/T0/B0/SECRET?x=1",
        "https://hooks.slack.com/workflows/T0/A0/0/SECRET",
        "https://hooks.slack.com/triggers/T0/0/SECRET",
        "http://127.0.0.1:80@evil.com/SECRET",
        "http://127.0.0.1.evil.com/SECRET",
        "http://169.254.169.254/SECRET",
    ],
)
def test_any_other_url_is_refused_without_showing_it(url: str) -> None:
    problem = webhook_problem(url)
    assert problem
    assert "SECRET" not in problem
    assert "evil" not in problem


@pytest.mark.parametrize("endpoint", [None, "", "https://sqs.eu-west-1.amazonaws.com", "http://127.0.0.1.evil.com"])
def test_a_webhook_on_this_machine_needs_aws_on_this_machine(
    endpoint: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    if endpoint is not None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    assert webhook_problem("http://127.0.0.1:8080/services/T0/B0/x")
