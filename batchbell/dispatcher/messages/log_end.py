"""Reads the end of a failed job's log: what it printed last. Never raises for an error of AWS: it says why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from batchbell.aws_errors import is_throttling
from batchbell.dispatcher.messages.log_text import presentable

# Lines are left out that are empty or only move a cursor, so more are read than are shown.
READ_FOR_EACH = 2
MOST_READ = 100  # GetLogEvents returns at most 1 MB or 10,000 events (CloudWatch Logs API reference)


@dataclass(frozen=True)
class LogEnd:
    """The last lines, or one line that says why there are none."""

    lines: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class LogPlace:
    """Where a job's log is."""

    region: str
    group: str
    stream: str


def read_log_end(place: LogPlace, count: int, logs: Callable[[str], Any]) -> LogEnd:
    """Read at most `count` lines, with one call.

    logs: returns the boto3 client of CloudWatch Logs in a Region.
    """
    try:
        # Without startFromHead, the newest events are returned (CloudWatch Logs API reference).
        answer = logs(place.region).get_log_events(
            logGroupName=place.group, logStreamName=place.stream, limit=min(MOST_READ, READ_FOR_EACH * count)
        )
    except ClientError as error:
        return LogEnd(problem=_refusal(error, place))
    except BotoCoreError as error:
        return LogEnd(problem=f"The log could not be read ({type(error).__name__}).")
    lines = presentable([event.get("message", "") for event in answer.get("events", [])])[-count:]
    return LogEnd(tuple(lines), "" if lines else "The log was empty when this message was written.")


def _refusal(error: ClientError, place: LogPlace) -> str:
    code = error.response["Error"]["Code"]
    if code == "ResourceNotFoundException":
        return "There was no log yet when this message was written, or the job never started."
    if code in ("AccessDeniedException", "AccessDenied"):
        return f"The log may not be read: log_group_arns does not have {place.group}, or a key or policy denies it."
    if is_throttling(error):
        return "The log could not be read: CloudWatch Logs had too many requests."
    return f"The log could not be read ({code})."
