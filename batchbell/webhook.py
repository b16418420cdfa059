r"""Posts JSON to a webhook whose URL is a secret: the URL does not leak, and no response can hang a send.

The Lambda's package holds this module if a chosen notifier imports it. It needs requests, so that such a notifier's
`infrastructure.py` has `REQUIRES = ("requests",)`.

    def webhook_problem(url: str) -> str | None:
        return url_problem(url, re.compile(r"https://pager\.example/hooks/[a-z0-9]{1,64}"), "https://pager.example/hooks/…")

    class Pager:
        def __init__(self, url: Secret) -> None:
            self._webhook = Webhook(url, "Pager", webhook_problem)

        def send(self, message: Message) -> None:
            self._webhook.post(render(message))

requests' exceptions and urllib3's log lines hold the URL, so neither leaves this module.

An API with a token works alike: the secret is the token, and `locate` returns the address and the headers of a call.
"""

from __future__ import annotations

import email.utils
import io
import json
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests

from batchbell.contract import PermanentError, Secret, TemporaryError
from batchbell.time_limit import SEND_LIMIT, call_within

__all__ = [
    "Address",
    "Classify",
    "SendError",
    "Webhook",
    "WebhookResponse",
    "WrongWebhook",
    "classify",
    "read_retry_after",
    "url_problem",
]

CONNECT_TIMEOUT = 2.0  # seconds
READ_TIMEOUT = 5.0  # seconds between two reads
LONGEST_WAIT = 86_400.0  # seconds
RESPONSE_LIMIT = 1024  # bytes that are read of a response

LOOPBACK = re.compile(r"https?://(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9/._-]*)?")

SendError = TemporaryError | PermanentError


class WrongWebhook(PermanentError):
    """The service refuses the secret, or it has the wrong shape. Permanent, unless it was rotated meanwhile."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, every_message=True)


@dataclass(frozen=True)
class Address:
    """Where a call goes. Its parts may be secret."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class WebhookResponse:
    """A service's response."""

    service: str  # its name for people: "Slack"
    status: int
    text: str  # the start of the body; not safe to log, since some proxies repeat the request in it
    retry_after: str | None = None


Classify = Callable[[WebhookResponse], SendError | None]


def classify(response: WebhookResponse, detail: str = "") -> SendError | None:
    """Return the error that a response means, or None if the message was delivered.

    detail: the part of the response's text that is safe to log.
    """
    reason = f"{response.service} answered {response.status} {detail}".rstrip()
    match response.status:
        case status if status < 200:
            return PermanentError(f"{reason}: perhaps a proxy answered", maybe_delivered=True)
        case status if 200 <= status < 300:
            return None
        case status if 300 <= status < 400:
            return PermanentError(f"{reason}: redirected, and a webhook never is", every_message=True)
        case 401 | 403 | 404 | 410:
            return WrongWebhook(reason)
        case 502 | 504:  # from a proxy, whose upstream may have the message (RFC 9110, sections 15.6.3 and 15.6.5)
            return TemporaryError(reason, read_retry_after(response.retry_after), maybe_delivered=True)
        case status if status in (408, 425, 429) or status >= 500:
            return TemporaryError(reason, read_retry_after(response.retry_after))
        case _:
            return PermanentError(reason)


def url_problem(url: str, shape: re.Pattern[str], example: str, what: str = "the webhook") -> str | None:
    r"""Say what is wrong with a webhook's URL, without showing it; None if it is right.

    shape: must match the whole URL, since `https://service.example\@elsewhere/` would pass otherwise.
    example: a URL for the error.
    what: begins the error.

    A webhook on this machine is accepted only while AWS is on this machine too, so never in a real deployment.
    """
    if shape.fullmatch(url):
        return None
    if LOOPBACK.fullmatch(url):
        if LOOPBACK.fullmatch(os.environ.get("AWS_ENDPOINT_URL", "")):
            return None
        return f"{what} is on this machine, where the Lambda cannot reach it"
    if shape.fullmatch(url.strip()):
        return f"{what} has spaces or a line break around it"
    return f"{what} does not look like {example}"


def read_retry_after(text: str | None) -> float | None:
    """Return the seconds of a Retry-After header, which holds seconds or a date; None if it is missing or neither.

    Longer waits count as a day: no message is retried for so long.
    """
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,99}(?:\.[0-9]{1,9})?", text.strip()):
        return min(float(text), LONGEST_WAIT)
    try:
        when = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    seconds = ((when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()
    return min(max(0.0, seconds), LONGEST_WAIT)


class Webhook:
    """One webhook of a service, or one method of its API. Several threads may use it."""

    def __init__(
        self,
        secret: Secret,
        service: str,
        problem: Callable[[str], str | None],
        classify: Classify = classify,
        *,
        locate: Callable[[str], Address] = Address,
        response_limit: int = RESPONSE_LIMIT,
    ) -> None:
        """Set up the webhook.

        secret: the secret URL, or what `locate` takes.
        service: the service's name for people.
        problem: says what is wrong with the secret, or None (see `url_problem`).
        classify: returns the error that a response means, or None.
        locate: returns the address that belongs to a secret without a problem.
        response_limit: bytes that are read of a response.
        """
        self._secret = secret
        self._service = service
        self._problem = problem
        self._classify = classify
        self._locate = locate
        self._response_limit = response_limit

    def prepare(self) -> None:
        """Read the secret, so that the first post need not wait for it. Raises TemporaryError."""
        self._secret.reveal()

    def post(self, payload: Any, *, spent: float = 0.0) -> str:
        """Post the payload as JSON, and return the response. Raises TemporaryError or PermanentError.

        spent: seconds that the same `send` took before.

        Makes a second attempt only if the secret was wrong and has been rotated meanwhile.
        """
        body = json.dumps(payload).encode()
        deadline = time.monotonic() + SEND_LIMIT - spent
        secret = self._secret.reveal()
        result = self._attempt(secret, body, deadline)
        if isinstance(result, WrongWebhook):
            self._secret.refresh()
            if (rotated := self._secret.reveal()) != secret:
                result = self._attempt(rotated, body, deadline)
        if isinstance(result, SendError):
            try:
                raise result
            finally:
                # Or it and this frame, with the secret, would hold each other until the collector runs.
                del result
        return result

    def _attempt(self, secret: str, body: bytes, deadline: float) -> str | SendError:
        if wrong := self._problem(secret):
            return WrongWebhook(wrong)
        if time.monotonic() >= deadline:
            return TemporaryError(f"no time left to call {self._service}")
        address = self._locate(secret)
        try:
            return call_within(deadline - time.monotonic(), lambda: self._exchange(address, body))
        except TimeoutError:
            return TemporaryError(
                f"{self._service} gave no whole answer within {SEND_LIMIT:.0f} s", maybe_delivered=True
            )

    def _exchange(self, address: Address, body: bytes) -> str | SendError:
        _silenced.here = True
        upload = io.BytesIO(body)  # its position shows whether any of it was sent
        try:
            with requests.Session() as session:  # new each time: after Lambda's freeze a kept connection may be dead
                session.trust_env = False  # ignores .netrc and proxy variables
                with session.post(
                    address.url,
                    data=upload,
                    headers={
                        "Content-Type": "application/json",
                        "Accept-Encoding": "identity",
                        **address.headers,
                    },
                    timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                    allow_redirects=False,  # a redirect turns POST into GET, whose 200 would pass for success
                    stream=True,
                ) as response:
                    start = _start(response, self._response_limit)
                    result = WebhookResponse(
                        self._service, response.status_code, start, response.headers.get("Retry-After")
                    )
        except Exception as error:  # its text holds the URL, or a header
            return TemporaryError(
                f"{self._service} gave no answer ({type(error).__name__})", maybe_delivered=upload.tell() > 0
            )
        return self._classify(result) or result.text


def _start(response: requests.Response, limit: int) -> str:
    """Read the start of the body until nothing more comes: only the last read raises if the connection broke."""
    start = b""
    while (rest := limit - len(start)) and (piece := response.raw.read(rest, decode_content=False)):
        start += piece
    return start.decode("utf-8", "replace").strip()


_silenced = threading.local()


def _is_loggable(record: logging.LogRecord) -> bool:
    return not getattr(_silenced, "here", False)


# urllib3 logs the path, which is the token: at DEBUG, and at WARNING if headers are broken. These filters drop whatever
# it logs in this module's threads, at any level.
for _name in ("connection", "connectionpool", "poolmanager", "response", "util.retry"):
    logging.getLogger(f"urllib3.{_name}").addFilter(_is_loggable)
