"""Posts to a Slack incoming webhook.

Sources: Slack's "Sending messages using incoming webhooks" and its Block Kit reference.

The webhook's URL is the secret. requests' exceptions and urllib3's log lines carry it, so nothing of either leaves
this module.
"""

from __future__ import annotations

import email.utils
import io
import json
import logging
import os
import queue
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests

from batchbell.contract import Fact, FailureGroup, Message, PermanentError, Secret, Secrets, Severity, TemporaryError
from batchbell.texts import children, cut, headline, tidy

CONNECT_TIMEOUT = 2.0  # seconds
READ_TIMEOUT = 5.0  # seconds between two reads: an answer that drips in never reaches it, hence
SEND_LIMIT = 8.0  # seconds for a whole `send`
ANSWER_LIMIT = 1024  # bytes; Slack answers with one word or a short JSON object

HEADER_LIMIT = 150  # characters, as are the next ones
LINKS_LIMIT = 3_000
FIELD_LIMIT = 2_000
VALUE_LIMIT = 300  # Slack takes 2,000; this is what a reader takes
NOTES_LIMIT = 10  # elements of a context block
FACTS_IN_SECTION = 5  # two fields each, and a section takes ten
BLOCK_LIMIT = 50
BLOCKS_LIMIT = 10_000  # characters of all blocks as JSON; Slack refuses from about 13,200 on (slackapi/bolt-js#2509)

ICONS = {Severity.SUCCESS: "✅", Severity.FAILURE: "❌", Severity.WARNING: "⚠️", Severity.INFO: "ℹ️"}  # noqa: RUF001
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


def render(message: Message) -> dict[str, Any]:
    """The message as Slack's JSON. What a job wrote stands in plain_text, where Slack reads no markup at all."""
    message = tidy(message)
    title = cut(f"{ICONS[message.severity]} {message.title}", HEADER_LIMIT)
    top = [{"type": "header", "text": _plain(title)}, {"type": "section", "text": _plain(message.summary)}]
    # The last notes are the ones that delivery added, such as "may be a repeat".
    notes = [_plain(cut(note, VALUE_LIMIT)) for note in message.notes[-NOTES_LIMIT:]]
    bottom: list[dict[str, Any]] = [{"type": "context", "elements": notes}] if notes else []
    if links := _links(message):
        bottom.append({"type": "section", "text": _markup(links)})

    pieces: list[tuple[dict[str, Any], int]] = []  # a block, and of how many things it tells
    for start in range(0, len(message.facts), FACTS_IN_SECTION):
        facts = message.facts[start : start + FACTS_IN_SECTION]
        pieces.append((_facts_section(facts), len(facts)))
    pieces.extend((_failure_section(group), 1) for group in message.failures)
    middle: list[dict[str, Any]] = []
    size = _size([*top, *bottom])
    for number, (block, _) in enumerate(pieces):
        size += _size(block)
        if size > BLOCKS_LIMIT or len(top) + len(middle) + len(bottom) + 1 >= BLOCK_LIMIT:
            left = sum(count for _, count in pieces[number:])
            middle.append({"type": "context", "elements": [_plain(f"… and {left:,} more")]})
            break
        middle.append(block)
    # `text` is for notifications and screen readers.
    return {
        "text": escape(f"{title}\n{message.summary}"),
        "blocks": [*top, *middle, *bottom],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def escape(text: str) -> str:
    """For Slack's markup: these three and no more (Slack: "Formatting text for app surfaces")."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _facts_section(facts: tuple[Fact, ...]) -> dict[str, Any]:
    fields = [[_markup(f"*{escape(fact.label)}*"), _plain(cut(fact.value, VALUE_LIMIT))] for fact in facts]
    return {"type": "section", "fields": [field for pair in fields for field in pair]}


def _failure_section(group: FailureGroup) -> dict[str, Any]:
    lines = (cut(headline(group), VALUE_LIMIT), cut(children(group), VALUE_LIMIT))
    section: dict[str, Any] = {"type": "section", "text": _plain("\n".join(line for line in lines if line))}
    if group.log and len(link := _link(group.log.label, group.log.url)) <= FIELD_LIMIT:
        section["fields"] = [_markup(link)]
    return section


def _links(message: Message) -> str:
    """Links in the text: a button with a URL shows a warning sign where no app answers its click
    (slackapi/node-slack-sdk#869)."""
    text = ""
    for link in message.links:
        longer = " · ".join(filter(None, (text, _link(link.label, link.url))))
        if len(longer) <= LINKS_LIMIT:
            text = longer
    return text


def _link(label: str, url: str) -> str:
    return f"<{escape(url)}|{escape(label)}>"


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _markup(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _size(blocks: Any) -> int:
    return len(json.dumps(blocks, ensure_ascii=False))


def _post(webhook: str, body: bytes, ends: float) -> TemporaryError | PermanentError | None:
    """Post and judge the answer. A thread of its own bounds the whole exchange: name look-up, TLS, an answer that
    drips in."""
    if wrong := webhook_problem(webhook):
        return WrongWebhook(wrong)
    if time.monotonic() >= ends:
        return TemporaryError("no time left to ask Slack")
    outcome: queue.SimpleQueue[TemporaryError | PermanentError | None] = queue.SimpleQueue()
    threading.Thread(target=lambda: outcome.put(_exchange(webhook, body)), daemon=True, name="slack-post").start()
    try:
        return outcome.get(timeout=max(0.0, ends - time.monotonic()))
    except queue.Empty:
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
