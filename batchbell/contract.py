"""What a notifier is at run time: the one module that every notifier imports. Standard library only.

A notifier module offers `create(settings, secrets) -> Notifier`. Its `send` delivers one `Message` and returns,
or raises one of two errors, which decide everything that follows:

- `TemporaryError`: it may work later. The message becomes a ticket on the retry queue.
- `PermanentError`: it will never work as it is. The message goes to the dead-letter queue with the reason.

Anything else that `send` raises counts as a temporary failure whose outcome is unknown, and only the exception's
type is logged, since its text may hold a secret.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

__all__ = [
    "CreateNotifier",
    "DigestEntry",
    "Fact",
    "FailureGroup",
    "Link",
    "Message",
    "Notifier",
    "PermanentError",
    "Secret",
    "Secrets",
    "Severity",
    "TemporaryError",
]


class TemporaryError(Exception):
    """The channel did not take the message now, and may later.

    `reason`: one line, safe to log: never a secret, a URL with a token or an answer's whole body.
    `retry_after`: seconds that the channel asked to wait, or None.
    `maybe_delivered`: True where the answer was lost after the message had been sent (a read time-out, a reset in
    the middle of the answer): the repeat then says that it may be one.
    """

    def __init__(self, reason: str, retry_after: float | None = None, *, maybe_delivered: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after
        self.maybe_delivered = maybe_delivered


class PermanentError(Exception):
    """The channel refused the message for good. `reason`: one line, safe to log, as in `TemporaryError`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Severity(StrEnum):
    """How loud a message is; channels map it to a colour or an icon."""

    SUCCESS = "success"
    FAILURE = "failure"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Fact:
    """One labelled value, such as ("Duration", "3 min 20 s")."""

    label: str
    value: str


@dataclass(frozen=True)
class Link:
    """A labelled https URL, such as ("Job in the console", "https://…")."""

    label: str
    url: str


@dataclass(frozen=True)
class FailureGroup:
    """Children of an array job that failed alike: the same status reason, container reason and exit code."""

    reason: str
    count: int
    indexes: str  # as ranges: "0-3, 17, 20-9999"
    exit_code: int | None = None
    log: Link | None = None


@dataclass(frozen=True)
class DigestEntry:
    """One job of a digest: a message that was taken up into a message of many."""

    title: str  # "print-color failed: 3 of 7 children"
    severity: Severity
    link: Link | None = None  # the job in the console
    may_be_repeat: bool = False  # an earlier attempt got no answer


@dataclass(frozen=True)
class Message:
    """What people get, whatever the channel.

    Texts come from jobs, so they are hostile: each notifier escapes them for its channel and cuts them to its limits.
    """

    key: str  # identifies the message in the ledger: job ARN + status
    # "array-job", "single-job", "queue-blocked", "test", "digest" (many in one), "dead-channel"
    kind: str
    # A job's, as AWS Batch says it, such as "FAILED"; "BLOCKED" of a queue; "TEST"; a digest with any failure: "FAILED"
    status: str
    severity: Severity
    title: str
    summary: str  # one line that goes with the title: what it was, where, how long it took
    job_name: str
    facts: tuple[Fact, ...] = ()
    failures: tuple[FailureGroup, ...] = ()  # the largest group first
    notes: tuple[str, ...] = ()  # what the reader must know about the message itself
    links: tuple[Link, ...] = ()
    jobs: tuple[DigestEntry, ...] = ()  # of a digest alone: the failed ones first, at most 100
    queue: str = ""  # the job queue's name, where it is one
    thread: str = ""  # the same for all messages about one thing, such as a job; none: the message stands alone

    def with_note(self, note: str) -> Message:
        """The same message with one more note; the same message if it says so already."""
        return self if note in self.notes else dataclasses.replace(self, notes=(*self.notes, note))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, for tickets and dead letters."""
        return dataclasses.asdict(self) | {"severity": self.severity.value}

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), ensure_ascii=False)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Message:
        """The inverse of `to_dict`. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            key=_text(data["key"]),
            kind=_text(data["kind"]),
            status=_text(data["status"]),
            severity=Severity(data["severity"]),
            title=_text(data["title"]),
            summary=_text(data["summary"]),
            job_name=_text(data["job_name"]),
            facts=tuple(Fact(_text(fact["label"]), _text(fact["value"])) for fact in data["facts"]),
            failures=tuple(_failure_group(group) for group in data["failures"]),
            notes=tuple(_text(note) for note in data["notes"]),
            links=tuple(_link(link) for link in data["links"]),
            # Older tickets have none of these.
            jobs=tuple(_digest_entry(entry) for entry in data.get("jobs", ())),
            queue=_text(data.get("queue", "")),
            thread=_text(data.get("thread", "")),
        )


def _failure_group(data: Mapping[str, Any]) -> FailureGroup:
    exit_code, log = data["exit_code"], data["log"]
    if not isinstance(data["count"], int) or not isinstance(exit_code, int | None):
        raise TypeError("count and exit_code are integers")
    return FailureGroup(
        _text(data["reason"]), data["count"], _text(data["indexes"]), exit_code, None if log is None else _link(log)
    )


def _digest_entry(data: Mapping[str, Any]) -> DigestEntry:
    link, may_be_repeat = data["link"], data["may_be_repeat"]
    if not isinstance(may_be_repeat, bool):
        raise TypeError("may_be_repeat is true or false")
    return DigestEntry(
        _text(data["title"]), Severity(data["severity"]), None if link is None else _link(link), may_be_repeat
    )


def _link(data: Mapping[str, Any]) -> Link:
    return Link(_text(data["label"]), _text(data["url"]))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


class Secret:
    """A secret value, read when it is first needed and never shown: `repr`, `str` and pickling give no value."""

    def __init__(self, name: str, read: Callable[[bool], str]) -> None:
        """`read(fresh)` gives the value, past any cache if `fresh`; it raises TemporaryError where it cannot."""
        self._name = name
        self._read = read

    def reveal(self) -> str:
        """The value. Raises TemporaryError if it cannot be read now."""
        return self._read(False)

    def refresh(self) -> bool:
        """Read it again, past the cache; True if the value is another one (it was rotated)."""
        return self._read(False) != self._read(True)

    def __repr__(self) -> str:
        return f"Secret({self._name!r})"

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")


Secrets = Mapping[str, Secret]


class Notifier(Protocol):
    """One configured channel. It is made once in a Lambda process, and its `send` may be called from several threads
    at once: one that hung is given up, and may still be at it when the next message comes."""

    def send(self, message: Message) -> None:
        """Deliver the message, or raise TemporaryError or PermanentError, within 10 seconds whatever the channel does
        (`batchbell.time_limit` bounds an exchange). `batchbell.conformance` tests all that is said here."""


CreateNotifier = Callable[[Mapping[str, Any], Secrets], Notifier]
