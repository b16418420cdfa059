"""The run-time contract of notifiers: the module that every notifier imports. Standard library only.

A notifier module has a function `create(settings, secrets) -> Notifier`. The notifier's `send` delivers one `Message`
and returns, or raises one of two errors, which decide what happens to the message:

- `TemporaryError`: the message becomes a ticket on the retry queue.
- `PermanentError`: the message goes to the dead-letter queue with the reason.

Any other exception counts as a temporary failure after which the message may have been delivered. Only its type is
logged, since its text may hold a secret.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeVar

__all__ = [
    "Command",
    "CreateNotifier",
    "DigestEntry",
    "Fact",
    "FailureGroup",
    "Link",
    "Message",
    "Notifier",
    "PermanentError",
    "PreparingNotifier",
    "Progress",
    "Secret",
    "Secrets",
    "Severity",
    "Tag",
    "TemporaryError",
    "UpdatingNotifier",
]

T = TypeVar("T")

PARTS_LEFT_OUT = "Another version of batchbell wrote this message: parts of it are left out."


class TemporaryError(Exception):
    """The channel did not accept the message, but may accept it later.

    reason: one line that is safe to log: no secret, no URL with a token, no whole response body.
    retry_after: seconds that the channel asked to wait, or None. No wait outlives the message, which is retried for
        four hours.
    maybe_delivered: True if the message was sent and the response was lost (a read timeout, a connection reset during
        the response): the next attempt is then marked as a possible repeat.
    """

    def __init__(self, reason: str, retry_after: float | None = None, *, maybe_delivered: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after
        self.maybe_delivered = maybe_delivered


class PermanentError(Exception):
    """The channel refused the message, and a retry would not help.

    reason: as in `TemporaryError`.
    every_message: True if the channel refuses every message now (a deleted webhook, a revoked key). A refused digest is
        otherwise narrowed down to the message that the channel does not take.
    maybe_delivered: True if the message may have been delivered all the same, because the response is not the
        channel's: a redrive is then marked as a possible repeat.
    """

    def __init__(self, reason: str, *, every_message: bool = False, maybe_delivered: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.every_message = every_message
        self.maybe_delivered = maybe_delivered


class Severity(StrEnum):
    """How severe the news is; channels map it to a colour or an icon."""

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
class Command:
    """A labelled command line to copy, such as ("To end the job", "aws batch terminate-job …")."""

    label: str
    line: str


@dataclass(frozen=True)
class Progress:
    """How far a running array job is. Numbers are children."""

    total: int
    finished: int  # succeeded or failed
    failed: int
    started: int  # finished, running or starting


@dataclass(frozen=True)
class Tag:
    """A tag of the job, such as ("team", "genomics"); its share identifier counts as a tag `shareIdentifier`."""

    key: str
    value: str


@dataclass(frozen=True)
class FailureGroup:
    """Children of an array job that failed with the same status reason, container reason and exit code."""

    reason: str
    count: int
    indexes: str  # as ranges: "0-3, 17, 20-9999"
    exit_code: int | None = None
    log: Link | None = None
    meaning: str = ""  # the reason in plain words, and what usually helps; empty where nothing sure can be said
    log_lines: tuple[str, ...] = ()  # what the child of `log` printed last, without secrets of well-known shapes
    log_problem: str = ""  # one line: why there are no log lines, where the stack asks for them
    attempts: int | None = None  # that the child of `log` made


@dataclass(frozen=True)
class DigestEntry:
    """One job in a digest."""

    title: str  # "print-color failed: 3 of 7 children"
    severity: Severity
    link: Link | None = None  # the job in the console
    may_be_repeat: bool = False  # an earlier attempt got no response
    owner: str = ""  # as in `Message`, like the next one
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True)
class Message:
    """What people get, on any channel.

    Texts come from jobs and may be hostile. A message is tidied where it is composed, or read from a ticket
    (`batchbell.texts.tidy`); each notifier tidies it again, since others may call it, escapes its texts for the channel
    and cuts them to the channel's limits.
    """

    key: str  # identifies the message in the ledger: job ARN + status
    kind: str  # a `batchbell.wire.MessageKind`
    # AWS Batch's status of the job; "BLOCKED" for a queue, "TEST" for a test, "FAILED" for a digest with any failure
    status: str
    severity: Severity
    title: str
    summary: str  # one line below the title: what kind of job, where it ran, how long it took
    job_name: str
    facts: tuple[Fact, ...] = ()
    failures: tuple[FailureGroup, ...] = ()  # the largest group first
    notes: tuple[str, ...] = ()  # about the message itself, such as "may be a repeat"
    links: tuple[Link, ...] = ()
    jobs: tuple[DigestEntry, ...] = ()  # only in a digest: at most 100, the failed ones first
    queue: str = ""  # the job queue's name, if known
    thread: str = ""  # equal for all messages about a job, or about a blocked queue; empty: no thread
    owner: str = ""  # the value of the tag that the stack's `owner_tag` names, if the job has it
    tags: tuple[Tag, ...] = ()  # the job's, if the event has them or a notifier's filter asks for them
    commands: tuple[Command, ...] = ()
    progress: Progress | None = None  # of an array job that runs
    # What this notifier's `send` gave back for the first message of the thread; empty if it gave nothing back.
    reply_to: str = ""

    def with_note(self, note: str) -> Message:
        """Return the message with one more note, unless it has that note already."""
        return self if note in self.notes else dataclasses.replace(self, notes=(*self.notes, note))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types, for tickets and dead letters."""
        return dataclasses.asdict(self) | {"severity": self.severity.value}

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), ensure_ascii=False)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Message:
        """Reverse `to_dict`, also for the message of an older or newer version.

        A field that is missing has its default; a part that cannot be read is left out, and a note says so. Raises
        KeyError or TypeError if `data` has no key or title.
        """
        unread: list[Any] = []

        def each(name: str, read: Callable[[Any], T]) -> tuple[T, ...]:
            parts = []
            for part in _sequence(data.get(name, ()), unread):
                try:
                    parts.append(read(part))
                except (AttributeError, KeyError, TypeError, ValueError):
                    unread.append(part)
            return tuple(parts)

        def text(name: str) -> str:
            value = data.get(name, "")
            if isinstance(value, str):
                return value
            unread.append(value)
            return ""

        message = cls(
            key=_text(data["key"]),
            kind=text("kind"),
            status=text("status"),
            severity=_severity(text("severity")),
            title=_text(data["title"]),
            summary=text("summary"),
            job_name=text("job_name"),
            facts=each("facts", lambda fact: Fact(_text(fact["label"]), _text(fact["value"]))),
            failures=each("failures", _failure_group),
            notes=each("notes", _text),
            links=each("links", _link),
            jobs=each("jobs", _digest_entry),
            queue=text("queue"),
            thread=text("thread"),
            owner=text("owner"),
            tags=each("tags", _tag),
            commands=each("commands", lambda command: Command(_text(command["label"]), _text(command["line"]))),
            progress=_progress(data.get("progress"), unread),
            reply_to=text("reply_to"),
        )
        return message.with_note(PARTS_LEFT_OUT) if unread else message


def _sequence(value: Any, unread: list[Any]) -> Sequence[Any]:
    if isinstance(value, list | tuple):
        return value
    unread.append(value)
    return ()


def _progress(data: Any, unread: list[Any]) -> Progress | None:
    if data is None:
        return None
    try:
        return Progress(*(_count(data[field.name]) for field in dataclasses.fields(Progress)))
    except (KeyError, TypeError):
        unread.append(data)
        return None


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError("not a count")
    return value


def _severity(name: str) -> Severity:
    try:
        return Severity(name)
    except ValueError:
        return Severity.INFO


def _failure_group(data: Mapping[str, Any]) -> FailureGroup:
    exit_code, log, attempts = data.get("exit_code"), data.get("log"), data.get("attempts")
    if (
        not isinstance(data["count"], int)
        or not isinstance(exit_code, int | None)
        or not isinstance(attempts, int | None)
    ):
        raise TypeError("count, exit_code and attempts are integers")
    return FailureGroup(
        _text(data["reason"]),
        data["count"],
        _text(data["indexes"]),
        exit_code,
        None if log is None else _link(log),
        _text(data.get("meaning", "")),
        tuple(map(_text, _list(data.get("log_lines", ())))),
        _text(data.get("log_problem", "")),
        attempts,
    )


def _digest_entry(data: Mapping[str, Any]) -> DigestEntry:
    link, may_be_repeat = data.get("link"), data.get("may_be_repeat", False)
    if not isinstance(may_be_repeat, bool):
        raise TypeError("may_be_repeat is true or false")
    return DigestEntry(
        _text(data["title"]),
        _severity(_text(data["severity"])),
        None if link is None else _link(link),
        may_be_repeat,
        _text(data.get("owner", "")),
        tuple(map(_tag, _list(data.get("tags", ())))),
    )


def _tag(data: Mapping[str, Any]) -> Tag:
    return Tag(_text(data["key"]), _text(data["value"]))


def _link(data: Mapping[str, Any]) -> Link:
    return Link(_text(data["label"]), _text(data["url"]))


def _list(value: Any) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise TypeError("not a list")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value


class Secret:
    """A secret that is read when it is first needed; `repr` and `str` hide its value, and it cannot be pickled."""

    def __init__(self, name: str, read: Callable[[bool], str]) -> None:
        """Name the secret and its reader.

        name: for `repr` and logs.
        read: returns the value, bypassing any cache if its argument is True; raises TemporaryError.
        """
        self._name = name
        self._read = read

    def reveal(self) -> str:
        """Return the value. Raises TemporaryError if it cannot be read now."""
        return self._read(False)

    def refresh(self) -> bool:
        """Read the value again, bypassing the cache. Return True if it has changed, because it was rotated."""
        return self._read(False) != self._read(True)

    def __repr__(self) -> str:
        return f"Secret({self._name!r})"

    def __reduce__(self) -> str:
        raise TypeError("a Secret cannot be pickled")


Secrets = Mapping[str, Secret]


class Notifier(Protocol):
    """One configured channel, made once per Lambda process.

    Several threads may call `send` at once: a `send` that takes too long is abandoned, and may still run when the next
    message is sent.
    """

    def send(self, message: Message) -> str | None:
        """Deliver the message, or raise TemporaryError or PermanentError.

        It must end within 10 seconds, whatever the channel does (see `batchbell.time_limit`).

        Returns None, or a receipt: one line of at most 200 characters by which the channel knows the message, nothing
        secret. Where the notifier's `Grants` have `progress`, later messages about the same job have the first one's
        receipt in `reply_to`.
        """


class UpdatingNotifier(Notifier, Protocol):
    """A notifier whose channel can change what it shows: for a running array job it keeps one message up to date."""

    def update(self, message: Message, receipt: str) -> None:
        """Show the message in place of the one that has the receipt, or raise as `send` does.

        It may be called again with the same message. The last call about a job has its outcome. After a PermanentError
        that is about this message, such as a deleted one, nothing is shown any more.
        """


class PreparingNotifier(Notifier, Protocol):
    """A notifier that makes beforehand what its first message needs."""

    def prepare(self) -> None:
        """Make clients or read secrets while the function's process starts, when it has a whole processor.

        What it raises is ignored: `send` must work without it, too. It may still run when the first message is sent.
        """


CreateNotifier = Callable[[Mapping[str, Any], Secrets], Notifier]
