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
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests

from batchbell.contract import PermanentError, Secret, TemporaryError
from batchbell.time_limit import SEND_LIMIT, call_within

__all__ = [
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
    """The URL is not a webhook of the service. Permanent, unless the webhook was rotated meanwhile."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, every_message=True)


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


def url_problem(url: str, shape: re.Pattern[str], example: str) -> str | None:
    r"""Say what is wrong with a webhook's URL, without showing it; None if it is right.

    shape: must match the whole URL, since `https://service.example\@elsewhere/` would pass otherwise.
    example: a URL for the error.

    A webhook on this machine is accepted only while AWS is on this machine too, so never in a real deployment.
    """
    if shape.fullmatch(url):
        return None
    if LOOPBACK.fullmatch(url):
        if LOOPBACK.fullmatch(os.environ.get("AWS_ENDPOINT_URL", "")):
            return None
        return "the webhook is on this machine, where the Lambda cannot reach it"
    if shape.fullmatch(url.strip()):
        return "the webhook has spaces or a line break around it"
    return f"the webhook does not look like {example}"


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
    """One webhook of a service. Several threads may use it."""

    def __init__(
        self, url: Secret, service: str, problem: Callable[[str], str | None], classify: Classify = classify
    ) -> None:
        """Set up the webhook.

        url: the secret URL.
        service: the service's name for people.
        problem: says what is wrong with a URL, or None (see `url_problem`).
        classify: returns the error that a response means, or None.
        """
        self._url = url
        self._service = service
        self._problem = problem
        self._classify = classify

    def post(self, payload: Any) -> None:
        """Post the payload as JSON. Raises TemporaryError or PermanentError.

        Makes a second attempt only if the webhook was wrong and has been rotated meanwhile.
        """
        body = json.dumps(payload).encode()
        deadline = time.monotonic() + SEND_LIMIT
        url = self._url.reveal()
        problem = self._attempt(url, body, deadline)
        if isinstance(problem, WrongWebhook):
            self._url.refresh()
            if (rotated := self._url.reveal()) != url:
                problem = self._attempt(rotated, body, deadline)
        if problem is not None:
            try:
                raise problem
            finally:
                del problem  # or it and this frame, with the URL, would hold each other until the collector runs

    def _attempt(self, url: str, body: bytes, deadline: float) -> SendError | None:
        if wrong := self._problem(url):
            return WrongWebhook(wrong)
        if time.monotonic() >= deadline:
            return TemporaryError(f"no time left to call {self._service}")
        try:
            return call_within(deadline - time.monotonic(), lambda: self._exchange(url, body))
        except TimeoutError:
            return TemporaryError(
                f"{self._service} gave no whole answer within {SEND_LIMIT:.0f} s", maybe_delivered=True
            )

    def _exchange(self, url: str, body: bytes) -> SendError | None:
        _silenced.here = True
        upload = io.BytesIO(body)  # its position shows whether any of it was sent
        try:
            with requests.Session() as session:  # new each time: after Lambda's freeze a kept connection may be dead
                session.trust_env = False  # ignores .netrc and proxy variables
                with session.post(
                    url,
                    data=upload,
                    headers={"Content-Type": "application/json", "Accept-Encoding": "identity"},
                    timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                    allow_redirects=False,  # a redirect turns POST into GET, whose 200 would pass for success
                    stream=True,
                ) as response:
                    result = WebhookResponse(
                        self._service, response.status_code, _start(response), response.headers.get("Retry-After")
                    )
        except Exception as error:  # its text holds the URL
            return TemporaryError(
                f"{self._service} gave no answer ({type(error).__name__})", maybe_delivered=upload.tell() > 0
            )
        return self._classify(result)


def _start(response: requests.Response) -> str:
    """Read the start of the body until nothing more comes: only the last read raises if the connection broke."""
    start = b""
    while (rest := RESPONSE_LIMIT - len(start)) and (piece := response.raw.read(rest, decode_content=False)):
        start += piece
    return start.decode("utf-8", "replace").strip()


_silenced = threading.local()


def _is_loggable(record: logging.LogRecord) -> bool:
    return not getattr(_silenced, "here", False)


# urllib3 logs the path, which is the token: at DEBUG, and at WARNING if headers are broken. These filters drop whatever
# it logs in this module's threads, at any level.
for _name in ("connection", "connectionpool", "poolmanager", "response", "util.retry"):
    logging.getLogger(f"urllib3.{_name}").addFilter(_is_loggable)
