"""The boto3 clients of the Lambda: made when needed, and cheap to connect with."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import SSLError

from batchbell import aws_clients
from batchbell.aws_clients import LazyClient, make_client
from bench.instant_endpoint import InstantEndpoint

TOPIC = "arn:aws:sns:us-east-1:123456789012:ops"


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The files of authorities that were read."""
    read: list[Any] = []
    load = ssl.SSLContext.load_verify_locations

    def note(context: ssl.SSLContext, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        read.append(cafile)
        load(context, cafile, capath, cadata)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", note)
    return read


@pytest.fixture
def endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InstantEndpoint]:
    """AWS over TLS, in a process that has not made a client yet."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(aws_clients, "_contexts", [])
    with InstantEndpoint(tmp_path) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.url)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(running.ca_bundle))
        yield running


def publish(client: Any) -> None:
    client.publish(TopicArn=TOPIC, Message="done")


def test_the_authorities_are_read_once_for_all_clients_and_connections(
    endpoint: InstantEndpoint, loads: list[Any]
) -> None:
    client = make_client("sns")
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(publish, [client] * 3))
    publish(make_client("sns"))
    make_client("ssm").get_parameter(Name="webhook")

    assert len(endpoint.take_requests()) == 5
    assert loads == [str(endpoint.ca_bundle)]


def test_no_connection_changes_the_context_of_another(
    endpoint: InstantEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed: list[tuple[ssl.SSLContext, Any]] = []
    change = ssl.SSLContext.set_alpn_protocols

    def note(context: ssl.SSLContext, protocols: Any) -> None:
        changed.append((context, protocols))
        change(context, protocols)

    monkeypatch.setattr(ssl.SSLContext, "set_alpn_protocols", note)
    client = make_client("sns")
    changed.clear()  # what the server and the client's making did
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(publish, [client] * 3))
    publish(make_client("sns"))
    make_client("ssm").get_parameter(Name="webhook")

    assert len(endpoint.take_requests()) == 5
    assert [protocols for context, protocols in changed if context in aws_clients._contexts] == [["http/1.1"]]


def test_the_authorities_are_read_with_the_first_client_and_not_with_the_first_call(
    endpoint: InstantEndpoint, loads: list[Any]
) -> None:
    make_client("sns")

    assert loads == [str(endpoint.ca_bundle)]


def test_authorities_that_cannot_be_read_fail_the_calls_and_not_the_clients(
    endpoint: InstantEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    client = make_client("sns")

    with pytest.raises((SSLError, OSError)):
        publish(client)
    assert endpoint.take_requests() == []


def test_a_server_with_an_unknown_authority_receives_nothing(
    endpoint: InstantEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(make_client("sns"))
    (tmp_path / "other").mkdir()
    with InstantEndpoint(tmp_path / "other") as stranger:
        monkeypatch.setenv("AWS_ENDPOINT_URL", stranger.url)
        with pytest.raises(SSLError):
            publish(make_client("sns"))

        assert stranger.take_requests() == []


def test_a_server_with_another_name_than_its_certificate_receives_nothing(
    endpoint: InstantEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(make_client("sns"))
    endpoint.take_requests()
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint.url.replace("127.0.0.1", "localhost"))
    with pytest.raises(SSLError):
        publish(make_client("sns"))

    assert endpoint.take_requests() == []


def test_a_client_of_another_botocore_version_is_not_changed() -> None:
    client = SimpleNamespace(_endpoint=SimpleNamespace())

    aws_clients._share_context(client)

    assert client == SimpleNamespace(_endpoint=SimpleNamespace())


def test_a_lazy_client_is_made_once_when_it_is_first_used(
    endpoint: InstantEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def make(service: str, **options: Any) -> Any:
        made.append(service)
        return make_client(service, **options)

    monkeypatch.setattr(aws_clients, "make_client", make)
    client = LazyClient("sns", read_timeout=1)
    assert made == []

    publish(client)
    publish(client)

    assert made == ["sns"]
    assert len(endpoint.take_requests()) == 2
