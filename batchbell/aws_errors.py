"""Decides what the result of a call to AWS means for a message: delivered, temporary or permanent.

Unknown error codes count as temporary: a retry costs little, and what never works becomes a dead letter all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import botocore.exceptions

from batchbell.contract import PermanentError, TemporaryError
from batchbell.texts import one_line
from batchbell.time_limit import SEND_LIMIT, Connections, call_within

__all__ = ["call_aws"]

REASON_LIMIT = 300  # characters of AWS's own text

_NEVER_SENT = (botocore.exceptions.ConnectionError,)  # refused, unknown host, no TLS, connect timeout
_MAYBE_SENT = (botocore.exceptions.HTTPClientError,)  # read timeout, closed connection
_PERMISSIONS = ("AccessDenied", "AuthorizationError")  # temporary, since IAM lags on a first deploy
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9.]{0,63}")


def call_aws(
    service: str,
    call: Callable[[], Mapping[str, Any]],
    permanent: Sequence[str],
    *,
    every_message: Sequence[str] = (),
    connections: Connections | None = None,
) -> None:
    """Send one message within `SEND_LIMIT`.

    service: a name for people, such as "SES".
    call: sends the message and returns AWS's response; it may also make the client.
    permanent: beginnings of error codes that no retry can fix.
    every_message: those of them with which AWS refuses any message (see `PermanentError`).
    connections: of the client that `call` uses, if it keeps one: a timeout closes them.

    Raises TemporaryError or PermanentError without a cause or context: botocore's exceptions hold the request, and the
    response, which may repeat it.
    """

    def exchange() -> TemporaryError | PermanentError | None:
        try:
            response = call()
        except Exception as error:
            return _classify(service, error, tuple(permanent), tuple(every_message))
        if response.get("MessageId"):
            return None
        reason = f"{service}'s answer names no message: perhaps it came from a proxy"
        return TemporaryError(reason, maybe_delivered=True)

    try:
        problem = call_within(SEND_LIMIT, exchange, connections)
    except TimeoutError:
        problem = TemporaryError(f"{service} gave no whole answer within {SEND_LIMIT:.0f} s", maybe_delivered=True)
    if problem is not None:
        raise problem


def _classify(
    service: str, error: Exception, permanent: tuple[str, ...], every_message: tuple[str, ...]
) -> TemporaryError | PermanentError:
    if isinstance(error, botocore.exceptions.ClientError):
        return _classify_refusal(service, error.response, permanent, every_message)
    kind = type(error).__name__
    if isinstance(error, botocore.exceptions.ParamValidationError):
        return PermanentError(f"{service}: the request is not valid ({kind})")
    if isinstance(error, _NEVER_SENT):
        return TemporaryError(f"{service} cannot be reached ({kind})")
    # Other exceptions than botocore's own come from a response that its parsers cannot read.
    maybe = isinstance(error, _MAYBE_SENT) or not isinstance(error, botocore.exceptions.BotoCoreError)
    return TemporaryError(f"{service} gave no answer ({kind})", maybe_delivered=maybe)


def _classify_refusal(
    service: str, response: Any, permanent: tuple[str, ...], every_message: tuple[str, ...]
) -> TemporaryError | PermanentError:
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    reason = f"{service}: {code if _CODE.fullmatch(code) else 'refused'} ({status})"
    is_permanent = status < 500 and status != 429 and code.startswith(permanent)
    if is_permanent or code.startswith(_PERMISSIONS):
        # Only for these codes: the text of a signature error repeats the request with its session token.
        reason += f": {one_line(str(response['Error'].get('Message', '')), REASON_LIMIT)}"
    if is_permanent:
        return PermanentError(reason, every_message=code.startswith(every_message))
    return TemporaryError(reason)
