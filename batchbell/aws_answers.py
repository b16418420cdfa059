"""What an answer of AWS means for a message: delivered, temporary or permanent.

Unknown refusals count as temporary: a retry costs little, and what never works becomes a dead letter all the same.
"""

from __future__ import annotations

import functools
import logging
import re
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import boto3
import botocore.exceptions
from botocore.config import Config

from batchbell.contract import PermanentError, TemporaryError
from batchbell.texts import one_line
from batchbell.time_limit import SEND_LIMIT, end_within

CONNECT_TIMEOUT = 2  # seconds
READ_TIMEOUT = 5  # seconds; a second attempt is a ticket's affair, so boto3 makes none
REASON_LIMIT = 300  # characters of AWS's own text

_NEVER_SENT = (botocore.exceptions.ConnectionError,)  # refused, unknown host, no TLS, connect time-out
_MAYBE_SENT = (botocore.exceptions.HTTPClientError,)  # read time-out, closed connection
_OUR_RIGHTS = ("AccessDenied", "AuthorizationError")  # IAM lags on a first deploy: temporary, and worth its text
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9.]{0,63}")


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


class LateClient:
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


def ask(service: str, call: Callable[[], Mapping[str, Any]], permanent: Sequence[str]) -> None:
    """Send one message; `call` may include making the client, and gives AWS's answer.

    service: a name for people, such as "SES". permanent: starts of error codes that no retry mends.
    Raise TemporaryError or PermanentError, never with another exception behind it: botocore's hold the request, and
    the answer, which may repeat it.
    """
    try:
        problem = end_within(SEND_LIMIT, lambda: _ask(service, call, tuple(permanent)))
    except TimeoutError:
        problem = TemporaryError(f"{service} gave no whole answer within {SEND_LIMIT:.0f} s", maybe_delivered=True)
    if problem is not None:
        raise problem


def _ask(
    service: str, call: Callable[[], Mapping[str, Any]], permanent: tuple[str, ...]
) -> TemporaryError | PermanentError | None:
    try:
        answer = call()
    except Exception as error:
        return _judge(service, error, permanent)
    if answer.get("MessageId"):
        return None
    return TemporaryError(f"{service}'s answer names no message: perhaps it is a proxy's", maybe_delivered=True)


def _judge(service: str, error: Exception, permanent: tuple[str, ...]) -> TemporaryError | PermanentError:
    if isinstance(error, botocore.exceptions.ClientError):
        return _judge_refusal(service, error.response, permanent)
    kind = type(error).__name__
    if isinstance(error, botocore.exceptions.ParamValidationError):
        return PermanentError(f"{service}: the request is not valid ({kind})")
    if isinstance(error, _NEVER_SENT):
        return TemporaryError(f"{service} cannot be reached ({kind})")
    # What is not botocore's own comes from an answer that its parsers cannot read.
    maybe = isinstance(error, _MAYBE_SENT) or not isinstance(error, botocore.exceptions.BotoCoreError)
    return TemporaryError(f"{service} gave no answer ({kind})", maybe_delivered=maybe)


def _judge_refusal(service: str, response: Any, permanent: tuple[str, ...]) -> TemporaryError | PermanentError:
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    reason = f"{service}: {code if _CODE.fullmatch(code) else 'refused'} ({status})"
    for_good = status < 500 and status != 429 and code.startswith(permanent)
    if for_good or code.startswith(_OUR_RIGHTS):
        # Of these codes alone: the text of a signature error repeats the request with its session token.
        reason += f": {one_line(str(response['Error'].get('Message', '')), REASON_LIMIT)}"
    return PermanentError(reason) if for_good else TemporaryError(reason)


def _is_loggable(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG


# At DEBUG botocore logs each request with the function's session token, and each answer: of SSM and Secrets Manager,
# that is the notifiers' secrets (tried). A logger's own filter holds whatever levels are set.
for _name in ("auth", "endpoint", "parsers"):
    logging.getLogger(f"botocore.{_name}").addFilter(_is_loggable)
