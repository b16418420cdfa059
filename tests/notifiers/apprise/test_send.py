"""What one send makes of Apprise's calls, and what it leaves alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from batchbell.contract import Message, PermanentError, Secret, TemporaryError
from batchbell.testing.faulty_server import FaultyServer, Request, Response
from notifiers.apprise.notifier import Target

TOKEN = "vQxJmWpLsRkZ"


class Service(FaultyServer):
    """Answers with the responses in turn, then with the last one."""

    def __init__(self, *responses: Response) -> None:
        self.stopped = threading.Event()
        super().__init__(0, self._receive, self.stopped.wait)
        self.responses = list(responses)
        self.received: list[Request] = []

    def _receive(self, request: Request) -> Response:
        self.received.append(request)
        return self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]

    def target(self, scheme: str = "json", rest: str = "") -> Target:
        url = f"{scheme}://127.0.0.1:{self.port}/{TOKEN}{rest}"
        return Target(Secret("url", lambda fresh: url))


@pytest.fixture
def serve() -> Iterator[Callable[..., Service]]:
    running: list[Service] = []

    def start(*responses: Response) -> Service:
        running.append(Service(*responses))
        running[-1].begin("service")
        return running[-1]

    yield start
    for service in running:
        service.stopped.set()
        service.end()
        service.cut_connections()


def test_a_url_cannot_turn_redirects_retries_splitting_or_long_waits_on(
    serve: Callable[..., Service], failed: Message
) -> None:
    elsewhere = serve(Response(200))
    service = serve(
        Response(302, "", {"Location": f"http://127.0.0.1:{elsewhere.port}/"}), Response(503), Response(200)
    )
    target = service.target(rest="?redirect=yes&retry=5&wait=9&overflow=split&rto=60&cto=60&optional=yes")
    with pytest.raises(PermanentError, match="redirected"):
        target.send(failed)
    with pytest.raises(TemporaryError, match="JSON answered 503"):
        target.send(failed)
    assert (len(service.received), elsewhere.received) == (2, [])
    target.send(failed)
    assert len(service.received) == 3


def test_a_plugin_that_would_try_again_at_once_makes_one_call(
    serve: Callable[..., Service], failed: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    import apprise.plugins.discord

    service = serve(
        Response(429, "", {"Retry-After": "7", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4102444800"})
    )
    monkeypatch.setattr(apprise.plugins.discord.NotifyDiscord, "notify_url", f"http://127.0.0.1:{service.port}")
    target = Target(Secret("url", lambda fresh: f"discord://123/{TOKEN}"))
    with pytest.raises(TemporaryError, match="Discord answered 429") as raised:
        target.send(failed)
    assert raised.value.retry_after == 7
    assert not raised.value.maybe_delivered
    assert len(service.received) == 1


def test_a_call_that_changed_something_before_the_failing_one_makes_it_a_possible_delivery(
    serve: Callable[..., Service], failed: Message
) -> None:
    """Matrix logs in and joins a room before the message."""
    login = '{"access_token": "abc", "home_server": "x", "user_id": "@me:x", "device_id": "d"}'
    service = serve(Response(200, login), Response(200, '{"room_id": "!room:x"}'), Response(500, "{}"))
    url = f"matrix://me:{TOKEN}@127.0.0.1:{service.port}/%21room:x?e2ee=no"
    with pytest.raises(TemporaryError, match="Matrix answered 500") as raised:
        Target(Secret("url", lambda fresh: url)).send(failed)
    assert raised.value.maybe_delivered


def test_a_success_that_apprise_does_not_take_for_one_may_have_been_delivered(
    serve: Callable[..., Service], failed: Message
) -> None:
    service = serve(Response(202))
    with pytest.raises(PermanentError, match="ntfy answered with a success that Apprise does not take") as raised:
        Target(Secret("url", lambda fresh: f"ntfy://127.0.0.1:{service.port}/{TOKEN}")).send(failed)
    assert raised.value.maybe_delivered


def test_a_plugin_that_makes_no_call_has_not_delivered(
    serve: Callable[..., Service], failed: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    import apprise.plugins.custom_json

    monkeypatch.setattr(apprise.plugins.custom_json.NotifyJSON, "send", lambda self, **_: True)
    with pytest.raises(PermanentError, match="JSON: Apprise did not call the service"):
        serve(Response(200)).target().send(failed)


def test_a_plugin_that_fails_in_a_way_of_its_own_is_named_without_its_words(
    serve: Callable[..., Service], failed: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    import apprise.plugins.custom_json

    def send(self: Any, **_: Any) -> bool:
        raise KeyError(TOKEN)

    monkeypatch.setattr(apprise.plugins.custom_json.NotifyJSON, "send", send)
    with pytest.raises(TemporaryError, match=r"^JSON: Apprise failed \(KeyError\)$") as raised:
        serve(Response(200)).target().send(failed)
    assert raised.value.maybe_delivered
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)


def test_a_service_that_is_asked_by_get_is_perhaps_told_once_it_is_connected(
    serve: Callable[..., Service], failed: Message
) -> None:
    service = serve(Response(200, cut="before"))
    with pytest.raises(TemporaryError, match="gave no answer") as raised:
        service.target("form", "?method=get").send(failed)
    assert raised.value.maybe_delivered
    service.end()
    with pytest.raises(TemporaryError, match="gave no answer") as raised:
        service.target("form", "?method=get").send(failed)
    assert not raised.value.maybe_delivered


def test_what_others_send_by_requests_at_the_same_time_is_left_alone(
    serve: Callable[..., Service], failed: Message, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "urllib3")
    held = threading.Event()
    slow = serve(Response(200, delay=30))
    slow.wait = lambda seconds: held.wait(seconds)
    other = serve(Response(302, "", {"Location": "/again"}), Response(200, "there"))
    raised: list[Any] = []

    def send() -> None:
        try:
            slow.target().send(failed)
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    while not slow.received:
        threading.Event().wait(0.01)
    answered = requests.post(f"http://127.0.0.1:{other.port}/mine", data="mine", timeout=10)
    held.set()
    thread.join(20)
    assert (answered.text, answered.history[0].status_code, raised) == ("there", 302, [])
    assert "/mine" in caplog.text
    assert TOKEN not in caplog.text


def test_others_who_use_apprise_in_the_same_process_have_requests_itself(
    serve: Callable[..., Service], failed: Message
) -> None:
    import apprise.plugins.custom_json

    serve(Response(200)).target().send(failed)
    service = serve(Response(302, "", {"Location": "/again"}), Response(200, "there"))
    theirs: Any = vars(apprise.plugins.custom_json)["requests"]
    assert theirs.post(f"http://127.0.0.1:{service.port}/", timeout=10).history
