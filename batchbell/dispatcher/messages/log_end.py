"""Reads the end of a failed job's log: what it printed last. Never raises for an error of AWS: it says why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

# Empty lines, and those that only move a cursor, are left out: so more are read than are shown.
READ_FOR_EACH = 2
_BUSY = ("ThrottlingException", "Throttling", "TooManyRequestsException", "ServiceUnavailableException")
_DENIED = ("AccessDeniedException", "AccessDenied", "UnrecognizedClientException")


@dataclass(frozen=True)
class LogPlace:
    """Where a job's log is."""

    region: str
    group: str
    stream: str


@dataclass(frozen=True)
class LogEnd:
    """The last lines, or one line that says why there are none."""

    lines: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class LogReader:
    """Reads as many lines of a log's end as the stack asks for.

    lines: 0 for none: then nothing is read.
    logs: returns the boto3 client of CloudWatch Logs in a Region.
    """

    lines: int = 0
    logs: Callable[[str], Any] = lambda region: None

    def read(self, place: LogPlace) -> LogEnd:
        """Make one call. Without `startFromHead` it returns the newest events (CloudWatch Logs API, GetLogEvents)."""
        try:
            answer = self.logs(place.region).get_log_events(
                logGroupName=place.group, logStreamName=place.stream, limit=READ_FOR_EACH * self.lines
            )
        except ClientError as error:
            return LogEnd(problem=_refusal(error.response["Error"]["Code"], place))
        except BotoCoreError as error:
            return LogEnd(problem=f"The log could not be read ({type(error).__name__}).")
        # Most invocations read no log, and a cold start is shorter without its patterns.
        from batchbell.dispatcher.messages.log_text import presentable

        lines = presentable([event.get("message", "") for event in answer.get("events", [])])[-self.lines :]
        return LogEnd(tuple(lines), "" if lines else "The log was empty when this message was written.")


NO_LOGS = LogReader()


def _refusal(code: str, place: LogPlace) -> str:
    if code == "ResourceNotFoundException":
        return "There was no log when this message was written."
    if code in _DENIED:
        return f"The log may not be read: add its log group to log_group_arns ({place.group} in {place.region})."
    if code in _BUSY:
        return "The log could not be read: CloudWatch Logs had too many requests."
    return f"The log could not be read ({code})."
