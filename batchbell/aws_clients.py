"""Makes boto3 clients with short timeouts that keep secrets out of the log. For the Lambda and its notifiers."""

from __future__ import annotations

import functools
import logging
import ssl
import threading
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

__all__ = ["LazyClient", "make_client", "open_session"]

CONNECT_TIMEOUT = 2  # seconds
READ_TIMEOUT = 5  # seconds

_making = threading.Lock()


def make_client(
    service: str, region: str | None = None, *, read_timeout: float = READ_TIMEOUT, attempts: int = 1
) -> Any:
    """A boto3 client with short time-outs (seconds) and, unless asked for more, one attempt.

    Notifiers run in threads: a client may be used in any, but a session makes one client at a time (boto3 guide,
    "Session"). They share one, since a second session costs a cold start 0.1 s (measured).
    """
    config = Config(
        connect_timeout=min(CONNECT_TIMEOUT, read_timeout),
        read_timeout=read_timeout,
        retries={"total_max_attempts": attempts, "mode": "standard"},
    )
    with _making:
        client = open_session().client(service, region_name=region, config=config)
        _share_authorities(client)
    return client


class LazyClient:
    """A boto3 client that is made when it is first used: what most invocations do without must not cost each cold
    start 10 ms of processor time (measured)."""

    def __init__(self, service: str, **options: Any) -> None:
        """As `make_client`."""
        self._make = functools.cache(functools.partial(make_client, service, **options))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._make(), name)


@functools.cache
def open_session() -> Any:
    return boto3.session.Session()


_contexts: list[ssl.SSLContext] = []  # the one that all clients share, once there is a client


def _share_authorities(client: Any) -> None:
    """Read the file of certificate authorities once in a process, not for each connection of each client: it costs
    10 ms of processor time, and a function of 256 MB has a seventh of a processor (measured: docs/performance.md).

    What is verified stays the same. botocore has no setting for it: where a newer one keeps its context elsewhere, the
    file is read again and again as before.
    """
    try:
        options = client._endpoint.http_session._manager.connection_pool_kw
        own: ssl.SSLContext = options["ssl_context"]
    except (AttributeError, KeyError):
        return
    if not _contexts:
        own.load_verify_locations = _once(own.load_verify_locations)  # type: ignore[method-assign]
        _contexts.append(own)
    options["ssl_context"] = _contexts[0]


def _once(load: Callable[..., None]) -> Callable[..., None]:
    """The same, but for arguments that it has had. Who comes meanwhile waits."""
    lock, loaded = threading.Lock(), set[tuple[Any, ...]]()

    def load_once(*where: Any) -> None:
        with lock:
            if where not in loaded:
                load(*where)
                loaded.add(where)

    return load_once


def _is_loggable(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG


# At DEBUG botocore logs each request with the function's session token, and each answer: of SSM and Secrets Manager,
# that is the notifiers' secrets (tried). A logger's own filter holds whatever levels are set.
for _name in ("auth", "endpoint", "parsers"):
    logging.getLogger(f"botocore.{_name}").addFilter(_is_loggable)
