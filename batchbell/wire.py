"""Everything that deploy time, run time and the operators' commands must spell alike. Standard library only.

Deploy time writes these names into the function's environment, its package, its table and its alarms; the function and
the commands read them there.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NotRequired, TypedDict

__all__ = [
    "BOARD",
    "DEFAULT_LOG_GROUP",
    "DIGEST_LIMIT",
    "HEALTH_KEY",
    "LATE",
    "LEDGER_INDEX",
    "LOG_LINES_LIMIT",
    "MANIFEST",
    "METRIC_DIMENSION",
    "METRIC_NAMESPACE",
    "OLDEST_UNDELIVERED",
    "RERUN_ARRAY_SIZE",
    "RERUN_INDEXES",
    "RERUN_NAME_TAG",
    "RERUN_REASON_TAG",
    "RERUN_TAG",
    "SWEEP",
    "SWEEP_KEY",
    "WATCHED",
    "WATCH_NOTIFIER",
    "Column",
    "DetailType",
    "EarlyFailures",
    "Manifest",
    "ManifestEntry",
    "MessageKind",
    "OverdueAfter",
    "Status",
    "TimeZone",
    "Variable",
    "Watch",
    "late_after",
]

MANIFEST = "manifest.json"  # in the root of the function's package
DIGEST_LIMIT = 100  # jobs in a digest: rows that one transaction takes (DynamoDB API reference, TransactWriteItems)

# Where Batch writes a container's log unless its logConfiguration says otherwise (AWS Batch User Guide, "Use the
# awslogs log driver").
DEFAULT_LOG_GROUP = "/aws/batch/job"
LOG_LINES_LIMIT = 50  # lines of a failed log's end: more than anybody reads in a message

METRIC_NAMESPACE = "batchbell"
METRIC_DIMENSION = "service"  # the function's name, so that two stacks of one account have metrics of their own
# Messages and records that are late, the only metric: CloudWatch bills a metric by the hour in which it has data, so it
# is written in hours with late messages alone.
LATE = "Late"
LATE_AFTER = 1_800  # s that a message may stay undelivered
LATE_TIMEOUTS = 60  # function timeouts; the smaller of both counts: an eighth of the time that a message is retried
OLDEST_UNDELIVERED = "oldest_undelivered"  # in the log: its age in seconds, since its first attempt

LEDGER_INDEX = "deliveries"  # by notifier and `sent`: when each notifier last delivered
# Takes the place of a message's key in the row about a notifier's channel. No message can have it: each one is tidied,
# and `batchbell.texts.tidy` leaves no key a blank at its beginning.
HEALTH_KEY = " channel-health"
# Ends the key of the row about a job's live message at a notifier, and about the thread of the job's messages there.
BOARD = "#BOARD"
# Ends the key of the row that keeps what the sweeps saw of a running job; its notifier is WATCH_NOTIFIER.
WATCHED = "#WATCHED"
# Takes the place of a message's key in the row about the last sweep of a job queue; its notifier is the queue's ARN.
SWEEP_KEY = " sweep"
WATCH_NOTIFIER = " watch"  # no instance can have this name

SWEEP = "sweep"  # the key that makes a record of the schedule a sweep, with its version: {"sweep": 1}
RERUN_TAG = "batchbell:rerun-of"  # of a job that runs failed children of another again: that job's ARN
RERUN_NAME_TAG = "batchbell:rerun-name"  # that job's name, if the rerun has another
RERUN_REASON_TAG = "batchbell:rerun-reason"  # what the operator gave as the reason
# Variables of its containers: the index in that job of each position in this one, as ranges, and that job's size.
RERUN_INDEXES = "BATCHBELL_INDEXES"
RERUN_ARRAY_SIZE = "BATCHBELL_ARRAY_SIZE"


class Variable(StrEnum):
    """Names in the function's environment."""

    LEDGER_TABLE = "BATCHBELL_LEDGER_TABLE"
    RETRY_QUEUE_URL = "BATCHBELL_RETRY_QUEUE_URL"
    DEAD_LETTER_QUEUE_URL = "BATCHBELL_DEAD_LETTER_QUEUE_URL"
    FUNCTION_TIMEOUT = "BATCHBELL_FUNCTION_TIMEOUT"  # seconds
    STACK = "BATCHBELL_STACK"
    LOG_SERVICE = "POWERTOOLS_SERVICE_NAME"  # Powertools' own name: `service` in each log line


class Status(StrEnum):
    """Statuses of messages about a job that runs: names for a notifier's `statuses`, and endings of keys."""

    RUNNING = "RUNNING"  # how far it is, at a notifier that keeps one message up to date
    EARLY = "EARLY"  # many of its first children failed
    OVERDUE = "OVERDUE"
    STALLED = "STALLED"


# Statuses of a job that has ended. Source: AWS Batch User Guide, "Job states".
ENDED = ("SUCCEEDED", "FAILED")


class DetailType(StrEnum):
    """Detail-types of the events that the stack's rules match.

    Source: AWS Batch User Guide, "AWS Batch events".
    """

    JOB_STATE_CHANGE = "Batch Job State Change"
    QUEUE_BLOCKED = "Batch Job Queue Blocked"


class MessageKind(StrEnum):
    """What a message is about: the values of `Message.kind`."""

    ARRAY_JOB = "array-job"
    SINGLE_JOB = "single-job"
    QUEUE_BLOCKED = "queue-blocked"
    DIGEST = "digest"  # many messages in one
    DEAD_CHANNEL = "dead-channel"
    TEST = "test"
    PROGRESS = "progress"  # of an array job: shown in place of the one before, and at last its outcome
    EARLY_FAILURES = "early-failures"
    OVERDUE = "overdue"
    STALLED = "stalled"


class Column(StrEnum):
    """Attributes of the ledger's rows. Times are epoch seconds."""

    MESSAGE = "message"  # partition key: the message's key, or HEALTH_KEY
    NOTIFIER = "notifier"  # sort key: the instance's name
    SENT = "sent"  # when the notifier had the message
    EXPIRES = "expires"  # DynamoDB deletes the row after it
    TOKEN = "token"  # the invocation that claimed the row
    UNTIL = "until"  # the end of that claim
    MAYBE = "maybe"  # an earlier attempt may have delivered the message
    TRIED = "tried"  # the last attempt, with its result and reason
    RESULT = "result"
    REASON = "reason"
    # Of the row that BOARD ends the key of:
    RECEIPT = "receipt"  # what `send` gave back for the job's live message
    SHOWN = "shown"  # how far the job was in what the live message shows
    THREAD = "thread"  # what `send` gave back for the first other message of the thread
    # Of the row of a running job:
    SEEN = "seen"  # when a sweep first saw a child of it start
    FINISHED = "finished"  # children
    STARTED = "started"  # children
    MOVED = "moved"  # when a sweep first saw these numbers
    # Of the row about a job queue's last sweep:
    CHECKED = "checked"  # every job that ended before it has its message
    # Of the health row:
    SINCE = "since"  # when the channel began to fail
    PERMANENT = "permanent"  # how often it refused for good since then
    FAILED = "failed"  # the last failure
    ANNOUNCED = "announced"  # when the other channels were last warned


class ManifestEntry(TypedDict):
    """A configured notifier, for the function."""

    name: str
    module: str  # has `create`
    statuses: list[str]  # empty: all that the stack's rules let through
    jobs: list[str]  # patterns of job names (*, ?, […]); empty: all
    tags: NotRequired[dict[str, list[str]]]  # patterns of values, by tag; each tag must match one; left out: all
    log_lines: NotRequired[int]  # at most so many of the stack's; left out: all
    progress: NotRequired[bool]  # it gets a live message for each running array job; left out: no
    digest_after: int  # more messages than this at once become one digest; 0: never
    settings: dict[str, Any]
    secrets: dict[str, Mapping[str, Any]]  # {"webhook": {"ssm": ARN}} or {"webhook": {"secretsmanager": ARN}}


class TimeZone(TypedDict):
    """A time zone with its rules: Lambda may lack a time zone database."""

    name: str  # IANA's
    data: str  # its rules: a TZif file in Base64


class EarlyFailures(TypedDict):
    """When the failures of an array job that still runs are told: both must be reached."""

    percent: float  # of the finished children
    at_least: int  # children


class OverdueAfter(TypedDict):
    """How long jobs may run."""

    jobs: str  # a pattern of job names
    minutes: float


class Watch(TypedDict):
    """What sweeps look at. The ARNs, statuses and filters are those of the rule for finished jobs."""

    queues: list[str]  # empty: every job queue of the account in this Region
    definitions: list[str]  # of job definitions, with or without a revision; empty: all
    statuses: list[str]
    early_failures: NotRequired[EarlyFailures]
    overdue_after: NotRequired[list[OverdueAfter]]  # the first pattern that a job's name matches counts
    stalled_after: NotRequired[float]  # minutes


class Manifest(TypedDict):
    """The stack's choices, as the deploy writes them into the package."""

    instances: list[ManifestEntry]
    time_zone: NotRequired[TimeZone]  # left out: UTC
    log_lines: NotRequired[int]  # of the end of a failed job's log; left out: none
    owner_tag: NotRequired[str]  # names the tag that says whom a job concerns
    rerun_hint: NotRequired[bool]  # the command that runs what failed again is in the message; left out: yes
    watch: NotRequired[Watch]  # left out: no sweeps


def late_after(timeout: float) -> float:
    """How many seconds a message may stay undelivered, without an alarm, at a function with this timeout in seconds."""
    return min(LATE_AFTER, LATE_TIMEOUTS * timeout)
