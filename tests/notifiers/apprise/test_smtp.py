"""A service without HTTP: a mail server on this machine."""

from __future__ import annotations

import base64
import socketserver
import threading
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from html.parser import HTMLParser

import pytest

from batchbell.conformance.leak_watch import watch_for_leaks
from batchbell.contract import Message, Secret, TemporaryError
from notifiers.apprise import notifier

PASSWORD = "vQxJmWpLsRkZ"


class MailServer(socketserver.ThreadingTCPServer):
    """Takes mail by SMTP; `refuses` names the command that it refuses, `hangs` the one that it does not answer."""

    daemon_threads, allow_reuse_address = True, True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.refuses = self.hangs = ""
        self.mails: list[bytes] = []
        self.stopped = threading.Event()


class Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say("220 ready")
        while line := self.rfile.readline().decode().strip():
            command = line.partition(" ")[0].upper()
            if command == self.server.hangs:
                self.server.stopped.wait(30)
                return
            if command == self.server.refuses:
                self._say(f"550 no, not {line}")
            elif command == "EHLO":
                self._say("250-here\r\n250 AUTH PLAIN")
            elif command == "AUTH":
                self._say("235 known" if PASSWORD.encode() in base64.b64decode(line.split()[-1]) else "535 unknown")
            elif command == "DATA":
                self._say("354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.mails.append(b"".join(lines))
                self._say("250 taken")
            else:
                self._say("250 fine")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class Tags(HTMLParser):
    """Finds the tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as running:
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True, name="mail").start()
        yield running
        running.stopped.set()
        running.shutdown()


@pytest.fixture
def send(
    server: MailServer, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Message], BaseException | None]:
    """Send, check that no secret leaks, and return what was raised."""
    port = server.server_address[1]
    url = f"mailto://me:{PASSWORD}@127.0.0.1:{port}?to=team@example.com&from=batch@example.com&mode=insecure"

    def send(message: Message) -> BaseException | None:
        with watch_for_leaks(capfd, monkeypatch) as leak_watch:
            raised = leak_watch.send(notifier.Target(Secret("url", lambda fresh: url)), message)
        assert leak_watch.find([PASSWORD]) == []
        return raised

    return send


def test_a_mail_has_the_title_as_subject_and_every_text_escaped(
    server: MailServer, send: Callable[[Message], BaseException | None], hostile: Message
) -> None:
    assert send(hostile) is None
    mail = message_from_bytes(server.mails[0], policy=policy.default)
    page = mail.get_body(("html",))
    assert page is not None
    tags = Tags()
    tags.feed(page.get_content())
    assert tags.found <= {"br", "a", "pre"}
    assert mail["To"] == "team@example.com"
    assert "Bcc" not in mail


@pytest.mark.parametrize("command", ["AUTH", "MAIL", "RCPT", "DATA"])
def test_a_failure_is_temporary_and_perhaps_a_delivery(
    server: MailServer, send: Callable[[Message], BaseException | None], failed: Message, command: str
) -> None:
    server.refuses = command
    raised = send(failed)
    assert isinstance(raised, TemporaryError)
    assert raised.maybe_delivered
    assert raised.reason == "E-Mail: Apprise could not deliver the message, and does not say why"
    server.refuses = ""
    assert send(failed) is None


def test_a_server_that_does_not_answer_is_given_up_in_time(
    server: MailServer,
    send: Callable[[Message], BaseException | None],
    failed: Message,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notifier, "SEND_LIMIT", 0.5)
    server.hangs = "DATA"
    raised = send(failed)
    assert isinstance(raised, TemporaryError)
    assert raised.maybe_delivered
    assert "gave no whole answer" in raised.reason
