"""Secrets as the function reads them: cached for some minutes, and read past the cache on request."""

from __future__ import annotations

import contextlib
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from batchbell.aws_clients import make_client
from batchbell.contract import TemporaryError
from batchbell.dispatcher import secret_store


@pytest.fixture
def parameters(cloud, monkeypatch):
    """The names of two secrets, in an account that the function has not asked yet."""
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(secret_store, "_providers", {})
    names = [f"/secret-{uuid.uuid4().hex[:8]}" for _ in range(2)]
    for name in names:
        cloud.client("ssm").put_parameter(Name=name, Value="old", Type="SecureString")
    return names


def read_all(readers, *, fresh=False):
    with ThreadPoolExecutor(len(readers)) as pool:
        return list(pool.map(lambda read: read(fresh), readers))


def test_secrets_first_read_at_the_same_time_are_all_cached(cloud, parameters, monkeypatch):
    meeting = threading.Barrier(2)

    def make_client_slowly(*arguments, **options):
        with contextlib.suppress(threading.BrokenBarrierError):
            meeting.wait(0.3)  # for the other one, if nothing keeps it back
        return make_client(*arguments, **options)

    monkeypatch.setattr(secret_store, "make_client", make_client_slowly)
    readers = [secret_store.reader({"ssm": f"arn:aws:ssm:us-east-1:123456789012:parameter{one}"}) for one in parameters]
    first = read_all(readers)
    for name in parameters:
        cloud.client("ssm").put_parameter(Name=name, Value="new", Type="SecureString", Overwrite=True)

    assert [first, read_all(readers), read_all(readers, fresh=True)] == [["old"] * 2, ["old"] * 2, ["new"] * 2]


def test_a_binary_secret_is_refused_with_its_reason(monkeypatch):
    class SecretsManager:
        def get_secret_value(self, **_):
            return {"SecretBinary": b"hook"}

    monkeypatch.setattr(secret_store, "_providers", {})
    monkeypatch.setattr(secret_store, "make_client", lambda *_, **__: SecretsManager())

    with pytest.raises(TemporaryError, match="could not be read from secretsmanager: it is not a text"):
        secret_store.reader({"secretsmanager": "arn:aws:secretsmanager:us-east-1:123456789012:secret:hook"})(False)
