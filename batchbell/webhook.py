"""Posts JSON to a webhook whose URL is the secret, so that nothing of the URL gets out and no answer can hang a send.

For every notifier that has such a channel; it is in the Lambda's package where a chosen notifier imports it. It needs
requests: such a notifier's `infrastructure.py` has `REQUIRES = ("requests",)`.

    def webhook_problem(url: str) -> str | None:
        return url_problem(url, re.compile(r"https://pager\\.example/hooks/[a-z0-9]{1,64}"), "https://pager.example/hooks/…")

    class Pager:
        def __init__(self, url: Secret) -> None:
            self._webhook = Webhook(url, "Pager", webhook_problem)

        def send(self, message: Message) -> None:
            self._webhook.post(render(message))

requests' exceptions and urllib3's log lines carry the URL, so nothing of either leaves this module.
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
RESPONSE_LIMIT = 1024  # bytes that are read of an answer

LOOPBACK = re.compile(r"https?://(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9/._-]*)?")

SendError = TemporaryError | PermanentError


class WrongWebhook(PermanentError):
    """A webhook that the service does not know, or that is none: for good, unless it was rotated meanwhile."""


@dataclass(frozen=True)
class WebhookResponse:
    """What came back. `text` is the start of the body; it is to be judged and not to be shown as it is, since some
    proxies repeat the request in it."""

    service: str  # as people know it: "Slack"
    status: int
    text: str
    retry_after: str | None = None


Classify = Callable[[WebhookResponse], SendError | None]


def classify(answer: WebhookResponse, detail: str = "") -> SendError | None:
    """What an answer means; None is delivered. `detail`: what of the answer's text is safe to show."""
    said = f"{answer.service} answered {answer.status} {detail}".rstrip()
    match answer.status:
        case status if 200 <= status < 300:
            return None
        case status if 300 <= status < 400:
            return PermanentError(f"{said}: redirected, and a webhook never is")
        case 401 | 403 | 404 | 410:
            return WrongWebhook(said)
        case status if status == 429 or status >= 500:
            return TemporaryError(said, read_retry_after(answer.retry_after))
        case _:
            return PermanentError(said)


def url_problem(url: str, shape: re.Pattern[str], example: str) -> str | None:
    """What is wrong with a webhook's URL, without showing it; None if nothing is.

    `shape` must match the whole URL, or `https://service.example\\@elsewhere/` would pass. A webhook on this machine is
    taken only where AWS is on this machine too: never in a real deployment.
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
    """Seconds from a Retry-After header (seconds or a date); None where there is none or it is neither."""
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", text.strip()):
        return float(text)
    try:
        when = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return max(0.0, ((when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())


class Webhook:
    """One webhook of a service. `problem(url)` says what is wrong with a URL (see `url_problem`), `classify` what an
    answer means. May be used from several threads."""

    def __init__(
        self, url: Secret, service: str, problem: Callable[[str], str | None], classify: Classify = classify
    ) -> None:
        self._url = url
        self._service = service
        self._problem = problem
        self._classify = classify

    def post(self, payload: Any) -> None:
        """Post the payload as JSON. Raise TemporaryError or PermanentError unless the service took it.

        One attempt; a second one only if the webhook was wrong and was rotated meanwhile.
        """
        body = json.dumps(payload).encode()
        ends = time.monotonic() + SEND_LIMIT
        url = self._url.reveal()
        problem = self._attempt(url, body, ends)
        if isinstance(problem, WrongWebhook):
            self._url.refresh()
            if (rotated := self._url.reveal()) != url:
                problem = self._attempt(rotated, body, ends)
        if problem is not None:
            raise problem

    def _attempt(self, url: str, body: bytes, ends: float) -> SendError | None:
        """Post and classify the answer."""
        if wrong := self._problem(url):
            return WrongWebhook(wrong)
        if time.monotonic() >= ends:
            return TemporaryError(f"no time left to ask {self._service}")
        try:
            return call_within(ends - time.monotonic(), lambda: self._exchange(url, body))
        except TimeoutError:
            return TemporaryError(
                f"{self._service} gave no whole answer within {SEND_LIMIT:.0f} s", maybe_delivered=True
            )

    def _exchange(self, url: str, body: bytes) -> SendError | None:
        _silenced.here = True
        upload = io.BytesIO(body)  # its position tells whether any of it was sent
        try:
            with requests.Session() as session:  # not kept: after Lambda's freeze its connection may be dead
                session.trust_env = False  # neither .netrc nor a proxy variable matters
                with session.post(
                    url,
                    data=upload,
                    headers={"Content-Type": "application/json", "Accept-Encoding": "identity"},
                    timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                    allow_redirects=False,  # a redirect turns POST into GET, whose 200 would pass for success
                    stream=True,
                ) as response:
                    answer = WebhookResponse(
                        self._service, response.status_code, _start(response), response.headers.get("Retry-After")
                    )
        except Exception as error:  # its text holds the URL, whatever it is
            return TemporaryError(
                f"{self._service} gave no answer ({type(error).__name__})", maybe_delivered=upload.tell() > 0
            )
        return self._classify(answer)


def _start(response: requests.Response) -> str:
    """The start of the body, read until nothing comes: only that read raises if the answer broke off."""
    start = b""
    while (rest := RESPONSE_LIMIT - len(start)) and (piece := response.raw.read(rest, decode_content=False)):
        start += piece
    return start.decode("utf-8", "replace").strip()


_silenced = threading.local()


def _is_loggable(record: logging.LogRecord) -> bool:
    return not getattr(_silenced, "here", False)


# urllib3 logs the path, which is the token: at DEBUG, and at WARNING where headers are broken. Nothing that it logs
# from this module's threads gets out, at any level; from others it does.
for _name in ("connection", "connectionpool", "poolmanager", "response", "util.retry"):
    logging.getLogger(f"urllib3.{_name}").addFilter(_is_loggable)
