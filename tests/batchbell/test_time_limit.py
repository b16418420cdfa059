"""A time-out ends what it gave up: sockets of requests, of boto3, and of any other library."""

from __future__ import annotations

import http.client
import os
import socket
import stat
import threading
import time
import urllib.request
from collections.abc import Iterator

import boto3
import pytest
from botocore.config import Config

from batchbell.contract import Secret, TemporaryError
from batchbell.time_limit import Connections, call_within
from batchbell.webhook import Webhook
from tests.waiting import wait_until


class Tarpit:
    """Takes connections, and drips bytes on each that never make up a response."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.address = self.server.getsockname()
        self.connections: list[socket.socket] = []
        self.closed = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._drip, args=(connection,), daemon=True).start()

    def _drip(self, connection: socket.socket) -> None:
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
            while not self.closed.wait(0.02):
                connection.sendall(b"x")
        except OSError:
            pass  # the other side has gone
        connection.close()


@pytest.fixture
def tarpit() -> Iterator[Tarpit]:
    tarpit = Tarpit()
    yield tarpit
    tarpit.closed.set()
    tarpit.server.close()


def sockets_to(tarpit: Tarpit) -> int:
    """Descriptors of this process that are connected to it."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):  # a copy of any other would stay open
                with socket.socket(fileno=os.dup(int(name))) as one:
                    found += one.getpeername() == tarpit.address
        except (OSError, ValueError):
            continue
    return found


def exchanges() -> int:
    return sum(thread.name == "exchange" for thread in threading.enumerate())


linux = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors in /proc")


def check_nothing_stays(tarpit: Tarpit) -> None:
    wait_until(lambda: exchanges() == 0, "no thread of an exchange is left")
    assert sockets_to(tarpit) == 0


@linux
def test_a_webhook_that_drips_leaves_no_thread_and_no_socket(tarpit: Tarpit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchbell.webhook.SEND_LIMIT", 0.3)
    url = f"http://127.0.0.1:{tarpit.address[1]}/hook"
    webhook = Webhook(Secret("url", lambda _: url), "Pager", lambda _: None)
    for _ in range(3):
        with pytest.raises(TemporaryError, match="no whole answer") as caught:
            webhook.post({})
        assert caught.value.maybe_delivered

    check_nothing_stays(tarpit)
    assert len(tarpit.connections) == 3


@linux
def test_boto3_on_a_kept_connection_that_begins_to_drip_leaves_neither(tarpit: Tarpit) -> None:
    client = boto3.client(
        "sns",
        endpoint_url=f"http://127.0.0.1:{tarpit.address[1]}",
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(read_timeout=60, retries={"total_max_attempts": 1}),
    )
    with pytest.raises(TimeoutError):
        call_within(0.5, client.list_topics, Connections())

    check_nothing_stays(tarpit)


@linux
def test_a_connection_that_an_earlier_exchange_kept_is_closed_too(tarpit: Tarpit) -> None:
    connections = Connections()
    kept = http.client.HTTPConnection(*tarpit.address)
    call_within(5, kept.connect, connections)
    kept.request("GET", "/")
    with pytest.raises(TimeoutError):
        call_within(0.2, kept.getresponse, connections)

    wait_until(lambda: exchanges() == 0, "no thread of an exchange is left")
    kept.close()
    assert sockets_to(tarpit) == 0


@linux
def test_another_exchanges_connection_stays_open(tarpit: Tarpit) -> None:
    other = socket.create_connection(tarpit.address)
    with pytest.raises(TimeoutError):
        call_within(0.2, lambda: urllib.request.urlopen(f"http://127.0.0.1:{tarpit.address[1]}/"))

    assert other.recv(8)
    wait_until(lambda: exchanges() == 0, "no thread of an exchange is left")
    assert sockets_to(tarpit) == 1
    other.close()


def test_what_was_given_up_opens_no_connection_any_more(tarpit: Tarpit) -> None:
    go, errors = threading.Event(), []

    def late() -> None:
        go.wait(30)
        try:
            socket.create_connection(tarpit.address)
        except TimeoutError as error:
            errors.append(error)

    with pytest.raises(TimeoutError):
        call_within(0.1, late)
    go.set()

    wait_until(lambda: len(errors) == 1, "the connection is refused")
    assert tarpit.connections == []


def test_the_result_and_every_exception_come_through() -> None:
    def leave() -> None:
        raise SystemExit(3)

    assert call_within(30, lambda: 7) == 7
    with pytest.raises(SystemExit):
        call_within(30, leave)
    with pytest.raises(TimeoutError):
        call_within(0.05, lambda: time.sleep(0.5))
