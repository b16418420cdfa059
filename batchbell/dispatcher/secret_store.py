"""Reads the notifiers' secrets from SSM or Secrets Manager when they are first needed.

Powertools has this too, but its import took a twentieth of a cold start (measured).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from botocore.exceptions import BotoCoreError, ClientError

from batchbell.aws_clients import make_client
from batchbell.contract import TemporaryError

CACHE_SECONDS = 300  # a rotated secret is used within this time, or at once if the channel refuses the old one

Fetch = Callable[[str], str]  # from an ARN to the value; raises what botocore raises


class _Store:
    """Several threads may read from it."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._known: dict[str, tuple[str, float]] = {}  # by ARN: the value, and until when it is used (epoch seconds)

    def read(self, arn: str, fresh: bool) -> str:
        value, until = self._known.get(arn, ("", 0.0))
        if fresh or time.time() >= until:
            value = self._fetch(arn)
            self._known[arn] = value, time.time() + CACHE_SECONDS
        return value


def _ssm() -> Fetch:
    client = make_client("ssm", read_timeout=2, attempts=2)
    return lambda arn: str(client.get_parameter(Name=arn, WithDecryption=True)["Parameter"]["Value"])


def _secrets_manager() -> Fetch:
    client = make_client("secretsmanager", read_timeout=2, attempts=2)
    return lambda arn: str(client.get_secret_value(SecretId=arn)["SecretString"])


_OPEN = {"ssm": _ssm, "secretsmanager": _secrets_manager}
_stores: dict[str, _Store] = {}
# Notifiers send at the same time; a second store would start with an empty cache.
_stores_lock = threading.Lock()


def reader(where: Mapping[str, str]) -> Callable[[bool], str]:
    """Return a function that reads the value, past the cache if asked.

    where: {"ssm": ARN} or {"secretsmanager": ARN}.
    """
    (name, arn), *_ = where.items()

    def read(fresh: bool) -> str:
        try:
            return _store(name).read(arn, fresh)
        except Exception as error:
            # The text of an exception may hold anything, so only AWS's code is shown.
            raise TemporaryError(f"the secret could not be read from {name}: {_code(error)}") from None

    return read


def _store(name: str) -> _Store:
    with _stores_lock:
        if name not in _stores:
            _stores[name] = _Store(_OPEN[name]())
        return _stores[name]


def _code(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "ClientError"))
    if isinstance(error, KeyError):  # a secret of Secrets Manager may be binary
        return "it is not a text"
    return type(error).__name__ if isinstance(error, BotoCoreError) else "unknown error"
