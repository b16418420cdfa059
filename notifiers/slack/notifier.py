"""Posts to a Slack incoming webhook.

Source: Slack's "Sending messages using incoming webhooks".

The webhook's URL is the secret. requests' exceptions and urllib3's log lines carry it, so nothing of either leaves
this module.
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
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests

from batchbell.contract import Message, PermanentError, Secret, Secrets, TemporaryError
from batchbell.time_limit import SEND_LIMIT, end_within

from .blocks import render

CONNECT_TIMEOUT = 2.0  # seconds
READ_TIMEOUT = 5.0  # seconds between two reads
ANSWER_LIMIT = 1024  # bytes; Slack answers with one word or a short JSON object

SHORT_CODE = re.compile(r"[a-z_]{1,40}")  # such as no_service

# The whole URL, or `https://hooks.slack.com\@elsewhere/` would pass.
WEBHOOK = re.compile(r"https://hooks\.slack(?:-gov)?\.com/services/T[A-Z0-9]{1,30}/B[A-Z0-9]{1,30}/[A-Za-z0-9]{1,100}")
LOOPBACK = re.compile(r"https?://(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9/._-]*)?")


def create(settings: Mapping[str, Any], secrets: Secrets) -> Slack:
    return Slack(secrets["webhook"])


class Slack:
    """One channel of Slack: the one that the webhook was made for."""

    def __init__(self, webhook: Secret) -> None:
        self._webhook = webhook

    def render(self, message: Message) -> dict[str, Any]:
        """The payload, without sending it."""
        return render(message)

    def send(self, message: Message) -> None:
        """Raise TemporaryError or PermanentError, as `judge` says, unless Slack took the message."""
        body = json.dumps(render(message)).encode()
        ends = time.monotonic() + SEND_LIMIT
        webhook = self._webhook.reveal()
        problem = _post(webhook, body, ends)
        if isinstance(problem, WrongWebhook):
            self._webhook.refresh()
            if (rotated := self._webhook.reveal()) != webhook:
                problem = _post(rotated, body, ends)
        if problem is not None:
            raise problem


class WrongWebhook(PermanentError):
    """A webhook that Slack does not know, or that is none: for good, unless it was rotated meanwhile."""


@dataclass(frozen=True)
class Answer:
    """What came back; `text` is the start of the body."""

    status: int
    text: str
    retry_after: str | None = None


def judge(answer: Answer) -> TemporaryError | PermanentError | None:
    """What an answer means; None is delivered."""
    said = f"Slack answered {answer.status} {answer.text if SHORT_CODE.fullmatch(answer.text) else ''}".rstrip()
    match answer.status:
        case 200 if answer.text == "ok":
            return None
        case 200:
            return PermanentError(f"{said} instead of ok: perhaps a proxy answered, not Slack")
        case status if 300 <= status < 400:
            return PermanentError(f"{said}: redirected, and a webhook never is")
        case 401 | 403 | 404 | 410:
            return WrongWebhook(said)
        case status if status == 429 or status >= 500:
            return TemporaryError(said, read_retry_after(answer.retry_after))
        case _:
            return PermanentError(said)


def webhook_problem(url: str) -> str | None:
    """What is wrong with a webhook's URL, without showing it; None if nothing is.

    A webhook on this machine is taken only where AWS is on this machine too: never in a real deployment.
    """
    if WEBHOOK.fullmatch(url):
        return None
    if LOOPBACK.fullmatch(url):
        if LOOPBACK.fullmatch(os.environ.get("AWS_ENDPOINT_URL", "")):
            return None
        return "the webhook is on this machine, where the Lambda cannot reach it"
    if WEBHOOK.fullmatch(url.strip()):
        return "the webhook has spaces or a line break around it"
    return "the webhook does not look like https://hooks.slack.com/services/T…/B…/…"


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


def _post(webhook: str, body: bytes, ends: float) -> TemporaryError | PermanentError | None:
    """Post and judge the answer."""
    if wrong := webhook_problem(webhook):
        return WrongWebhook(wrong)
    if time.monotonic() >= ends:
        return TemporaryError("no time left to ask Slack")
    try:
        return end_within(ends - time.monotonic(), lambda: _exchange(webhook, body))
    except TimeoutError:
        return TemporaryError(f"Slack gave no whole answer within {SEND_LIMIT:.0f} s", maybe_delivered=True)


def _exchange(webhook: str, body: bytes) -> TemporaryError | PermanentError | None:
    _silenced.here = True
    upload = io.BytesIO(body)  # its position tells whether any of it was sent
    try:
        with requests.Session() as session:  # not kept: after Lambda's freeze its connection may be dead
            session.trust_env = False  # neither .netrc nor a proxy variable matters
            with session.post(
                webhook,
                data=upload,
                headers={"Content-Type": "application/json", "Accept-Encoding": "identity"},
                timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                allow_redirects=False,  # a redirect turns POST into GET, whose 200 would pass for success
                stream=True,
            ) as response:
                start = b""  # read until nothing comes: only that read raises if the answer broke off
                while (rest := ANSWER_LIMIT - len(start)) and (piece := response.raw.read(rest, decode_content=False)):
                    start += piece
                text = start.decode("utf-8", "replace").strip()
                answer = Answer(response.status_code, text, response.headers.get("Retry-After"))
    except Exception as error:  # its text holds the webhook, whatever it is
        return TemporaryError(f"Slack gave no answer ({type(error).__name__})", maybe_delivered=upload.tell() > 0)
    return judge(answer)


_silenced = threading.local()


def _is_loggable(record: logging.LogRecord) -> bool:
    return not getattr(_silenced, "here", False)


# urllib3 logs the path, which is the token: at DEBUG, and at WARNING where headers are broken. Nothing that it logs
# from this module's threads gets out, at any level; from others it does.
for _name in ("connection", "connectionpool", "poolmanager", "response", "util.retry"):
    logging.getLogger(f"urllib3.{_name}").addFilter(_is_loggable)
