"""Reads an EventBridge event from a file or standard input, and composes its message."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

from batchbell.cli.errors import CommandFailed
from batchbell.contract import Message
from batchbell.dispatcher.messages.failures import Failures, failure_of
from batchbell.dispatcher.messages.finished_job import compose
from batchbell.dispatcher.messages.queue_blocked import compose_blocked
from batchbell.dispatcher.records import parse
from batchbell.dispatcher.records.blocked_queue import BlockedQueue
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.records.json_object import InvalidEvent
from batchbell.wire import DetailType

NOT_LOOKED_UP = "The failed children are looked up when the message is sent."
LOGS_NOT_READ = "The last {} lines of the log are read when the message is sent."


def read_event(source: str) -> Mapping[str, Any]:
    """Read an event from a file, or from standard input if `source` is "-". Raises CommandFailed."""
    if source == "-" and sys.stdin is None:  # closed when Python started
        raise CommandFailed("standard input is closed: it must hold one EventBridge event")
    try:
        content = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise CommandFailed(f"{source} cannot be read: {error.strerror}") from None
    encoding = json.detect_encoding(content)
    if not encoding.startswith("utf-8"):  # such as UTF-16, which PowerShell's > writes
        raise CommandFailed(f"{source} is in {encoding[:6].upper()}: save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandFailed(f"{source} is not in UTF-8 (byte {error.start + 1}): save it as UTF-8") from None
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        raise CommandFailed(
            f"{source} is not JSON: it must hold one EventBridge event, as a rule's target receives it"
        ) from None
    if not isinstance(event, dict) or not isinstance(event.get("detail"), dict):
        raise CommandFailed(f"{source} is not an EventBridge event: it has no object `detail`")
    parsed: Mapping[str, Any] = event
    return parsed


def parse_event(event: Mapping[str, Any]) -> Job | BlockedQueue:
    """Parse an event as the function does. Raises CommandFailed."""
    try:
        return parse.parse_event(event)
    except InvalidEvent as invalid:
        raise CommandFailed(f"the event cannot be parsed: {invalid}") from None


def parse_if_known(event: Mapping[str, Any]) -> Job | BlockedQueue | None:
    """Parse an event of a kind that a rule may match; None for another kind. Raises CommandFailed."""
    is_known = event.get("source") == "aws.batch" and event.get("detail-type") in tuple(DetailType)
    return parse_event(event) if is_known else None


def message_of(
    parsed: Job | BlockedQueue,
    zone: tzinfo = UTC,
    *,
    owner_tag: str = "",
    log_lines: int = 0,
    rerun_hint: bool = True,
) -> Message:
    """Compose the message, without the failures and logs that only AWS knows.

    zone: time zone of the message's times.
    owner_tag, log_lines, rerun_hint: the stack's settings.
    """
    if isinstance(parsed, BlockedQueue):
        return compose_blocked(parsed, zone, owner_tag)
    if parsed.failed and parsed.is_parent:
        message = compose(parsed, Failures(), zone, owner_tag, rerun_hint).with_note(NOT_LOOKED_UP)
        return message.with_note(LOGS_NOT_READ.format(log_lines)) if log_lines else message
    failures = failure_of(parsed) if parsed.failed else Failures()
    message = compose(parsed, failures, zone, owner_tag, rerun_hint)
    if not log_lines or not parsed.log_stream:
        return message
    said = LOGS_NOT_READ.format(log_lines)
    return replace(message, failures=tuple(replace(group, log_problem=said) for group in message.failures))


def name_part(event: Mapping[str, Any]) -> str | None:
    """Return a text such as "child 3 of an array job" for an event about a part of a job; None for a whole job."""
    for field, number, text in (
        ("arrayProperties", "index", "child {} of an array job"),
        ("nodeDetails", "nodeIndex", "node {} of a multi-node job"),
    ):
        properties = event["detail"].get(field)
        if isinstance(properties, Mapping) and isinstance(properties.get(number), int):
            return text.format(properties[number])
    return None
