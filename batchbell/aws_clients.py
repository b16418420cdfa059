"""Makes boto3 clients with short timeouts that keep secrets out of the log. For the Lambda and its notifiers.

They are botocore's, as boto3's are, and made without boto3, whose import takes 7 % of a cold start (measured).
botocore is imported with the first client: `explain` and `preview` import notifiers, and call no AWS.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import ssl
import threading
from collections.abc import Callable
from typing import Any

__all__ = ["LazyClient", "make_client", "open_session"]

CONNECT_TIMEOUT = 2  # seconds
READ_TIMEOUT = 5  # seconds

# A client may be used in any thread, but a session makes one client at a time (boto3 guide, "Session"). All clients
# share one session, since a second one costs a cold start 0.1 s (measured).
_making = threading.Lock()


def make_client(
    service: str, region: str | None = None, *, read_timeout: float = READ_TIMEOUT, attempts: int = 1
) -> Any:
    """Make a boto3 client with short timeouts.

    service: boto3's name of it, such as "sns".
    region: None for the session's own.
    read_timeout: seconds.
    attempts: 1 by default, since a failed message is retried from its ticket.
    """
    from botocore.config import Config

    config = Config(
        connect_timeout=min(CONNECT_TIMEOUT, read_timeout),
        read_timeout=read_timeout,
        retries={"total_max_attempts": attempts, "mode": "standard"},
    )
    with _making:
        client = open_session().create_client(service, region_name=region, config=config)
        _share_context(client)
    return client


class LazyClient:
    """A boto3 client that is made when it is first used.

    Making one takes 10 ms of processor time (measured), which a cold start that does not need it should not spend.
    """

    def __init__(self, service: str, **options: Any) -> None:
        """Takes the parameters of `make_client`."""
        self._make = functools.cache(functools.partial(make_client, service, **options))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._make(), name)


@functools.cache
def open_session() -> Any:
    """Return the botocore session that all clients share."""
    import botocore.session

    return botocore.session.Session()


_contexts: list[ssl.SSLContext] = []  # the one that all clients share, once a client exists


def _share_context(client: Any) -> None:
    """Let all clients connect with one TLS context, which no connection changes.

    Each read of the file of certificate authorities takes 10 ms of processor time, and a function of 256 MB has a
    seventh of a processor (measured: docs/performance.md): it is read once. Certificates are verified as before.
    urllib3 sets the protocols (ALPN) again for each connection; meanwhile OpenSSL may copy them for the connection of
    another thread, which then greets the server with garbage (measured: 1 of 70,000): they are set once.
    botocore has no setting for this: if a newer version keeps its context elsewhere, nothing is shared.
    """
    try:
        session = client._endpoint.http_session
        options = session._manager.connection_pool_kw
        context: ssl.SSLContext = options["ssl_context"]
        verify = session._verify
    except (AttributeError, KeyError):
        return
    if not _contexts:
        context.load_verify_locations = _once(context.load_verify_locations)  # type: ignore[method-assign]
        context.set_alpn_protocols = _once(context.set_alpn_protocols)  # type: ignore[method-assign]
        _contexts.append(context)
        _read_authorities(context, verify)
    options["ssl_context"] = _contexts[0]


def _read_authorities(context: ssl.SSLContext, verify: Any) -> None:
    """Read them with the first client, which is made while the process starts, as urllib3 would when it connects."""
    from botocore.httpsession import get_cert_path

    with contextlib.suppress(OSError):  # urllib3 tries again, and each call says so
        context.load_verify_locations(get_cert_path(verify), None, None)


def _once(change: Callable[..., None]) -> Callable[..., None]:
    """Wrap `change` so that it runs once for the same arguments; concurrent callers wait for it."""
    lock, done = threading.Lock(), list[tuple[Any, ...]]()

    def change_once(*arguments: Any) -> None:
        with lock:
            if arguments not in done:
                change(*arguments)
                done.append(arguments)

    return change_once


def _is_loggable(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG


# At DEBUG botocore logs each request with the function's session token, and each response, which from SSM and Secrets
# Manager holds the notifiers' secrets (tried). A logger's own filter works at any level.
for _name in ("auth", "endpoint", "parsers"):
    logging.getLogger(f"botocore.{_name}").addFilter(_is_loggable)
