"""Renders a message for SNS: a text for each protocol, within SNS's limits. Source: SNS API reference, "Publish"."""

from __future__ import annotations

import dataclasses
import json
import unicodedata
from typing import Any

from batchbell.contract import Message
from batchbell.texts import as_text, cut, one_line, shorten, tidy, with_omission_note, without_logs

from .chat import render_chat

SUBJECT_LIMIT = 99  # characters: "less than 100"
SMS_LIMIT = 140  # characters: one SMS; each further one costs extra
# Bytes of message and attributes: 256 KiB, unless the topic's owner has raised it. The attributes take less than 2 KiB.
MESSAGE_LIMIT = 260_000
ATTRIBUTE_LIMIT = 256  # characters
_LOOKALIKES = str.maketrans({"\u2013": "-", "\u2014": "-", "\u00b7": "-", "\u00d7": "x", "\u2019": "'"})
JSON_PROTOCOLS = ("sqs", "lambda", "http", "firehose")  # subscribers that are programs
LOG_LINES = (25, 10, 5)  # of each log, one after the other, in a message that is too long
# The parts of a message that may be long, in the order in which they are cut.
PARTS = (("failures", "groups of failures"), ("jobs", "jobs"), ("facts", "facts"), ("notes", "notes"))


def render(message: Message) -> dict[str, Any]:
    """Return subject, attributes and a text for each protocol. If they are too long, the last items are left out."""
    message = _with_less_detail(tidy(message))
    by_protocol = _by_protocol(message)
    for part, plural in PARTS:
        whole = kept = len(getattr(message, part))
        smaller = message
        while kept and _size(by_protocol) > MESSAGE_LIMIT:
            kept //= 2
            smaller = dataclasses.replace(message, **{part: getattr(message, part)[:kept]})
            smaller = with_omission_note(smaller, whole - kept, plural)
            by_protocol = _by_protocol(smaller)
        message = smaller
    return {
        "Subject": to_ascii(message.title, SUBJECT_LIMIT),
        "Message": by_protocol,
        "MessageAttributes": _attributes(message),
    }


def _with_less_detail(message: Message) -> Message:
    """Return a message that is too long without what people miss least: tags of a digest's jobs, lines of logs."""
    if _size(_by_protocol(message)) <= MESSAGE_LIMIT:
        return message
    message = dataclasses.replace(message, jobs=tuple(dataclasses.replace(job, tags=()) for job in message.jobs))
    for lines in LOG_LINES:
        if _size(_by_protocol(message)) <= MESSAGE_LIMIT:
            break
        message = without_logs(message, "Lines of the logs are left out.", lines)
    return message


def to_ascii(title: str, limit: int) -> str:
    """Convert a title to printable ASCII: a subject must begin with it, and any other SMS holds only 70 characters."""
    return shorten(_ascii(title), limit, ellipsis="...").strip() or "AWS Batch"


def _sms(message: Message) -> str:
    """Return the whole title, and as much of the summary as there is room for."""
    return f"{to_ascii(message.title, SMS_LIMIT)}. {_ascii(message.summary)}"[:SMS_LIMIT].strip()


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.translate(_LOOKALIKES)).encode("ascii", "ignore").decode()
    return one_line(plain, len(plain))


def _by_protocol(message: Message) -> dict[str, str]:
    structured = json.dumps(message.to_dict(), ensure_ascii=False, separators=(",", ":"))
    return {
        "default": as_text(message),
        "sms": _sms(message),
        "https": json.dumps(render_chat(message), ensure_ascii=False, separators=(",", ":")),
        **dict.fromkeys(JSON_PROTOCOLS, structured),
    }


def _size(by_protocol: dict[str, str]) -> int:
    return len(json.dumps(by_protocol, ensure_ascii=False).encode())


def _attributes(message: Message) -> dict[str, dict[str, str]]:
    """Return attributes for the filter policies of subscriptions, without empty ones, which SNS would refuse."""
    values = {"status": message.status, "job_name": message.job_name, "queue": message.queue}
    return {
        name: {"DataType": "String", "StringValue": cut(value, ATTRIBUTE_LIMIT)}
        for name, value in values.items()
        if value
    }
