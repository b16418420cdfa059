"""An EventBridge event that an operator hands over, in a file or on standard input, and the message about it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from batchbell.cli.answering import NoAnswer
from batchbell.contract import Message
from batchbell.dispatcher.compose import compose
from batchbell.dispatcher.failures import Failures, failure_of
from batchbell.dispatcher.job import Job
from batchbell.texts import tidy

NOT_LOOKED_UP = "Which children failed is looked up when the message is sent."


def read_event(source: str) -> Mapping[str, Any]:
    """`source`: a file's name, or - for standard input. Raises NoAnswer."""
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text("utf-8")
        event = json.loads(text)
    except OSError as error:
        raise NoAnswer(f"{source} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise NoAnswer(f"{source} is not JSON: it takes one EventBridge event, as a rule's target gets it") from None
    if not isinstance(event, dict) or not isinstance(event.get("detail"), dict):
        raise NoAnswer(f"{source} is no EventBridge event: it has no object `detail`")
    parsed: Mapping[str, Any] = event
    return parsed


def message_of(job: Job) -> Message:
    """What people get, but for what only AWS knows."""
    if job.failed and job.is_parent:
        return tidy(compose(job, Failures()).with_note(NOT_LOOKED_UP))
    return tidy(compose(job, failure_of(job) if job.failed else Failures()))


def name_part(event: Mapping[str, Any]) -> str | None:
    """Such as "child 3 of an array job", for an event that is about a part of a job; None for a whole one."""
    for field, number, what in (
        ("arrayProperties", "index", "child {} of an array job"),
        ("nodeDetails", "nodeIndex", "node {} of a multi-node job"),
    ):
        properties = event["detail"].get(field)
        if isinstance(properties, Mapping) and isinstance(properties.get(number), int):
            return what.format(properties[number])
    return None
