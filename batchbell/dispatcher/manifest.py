"""The stack's notifiers and time zone, read from the manifest in the package (`batchbell.wire.Manifest`).

Only the modules that it names are imported, once in a process. A notifier that cannot be made, or takes too long, does
not stop the others: its messages become tickets with the reason, and it is made again later.
"""

from __future__ import annotations

import base64
import importlib
import io
import json
import re
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchbell.contract import FailureGroup, Message, Notifier, PermanentError, Secret, Secrets, TemporaryError
from batchbell.dispatcher.telemetry import logger
from batchbell.dispatcher.timing import Deadline
from batchbell.time_limit import SEND_LIMIT
from batchbell.wire import Manifest, ManifestEntry, TimeZone, Watch

if TYPE_CHECKING:
    from batchbell.dispatcher.watch.watching import Watching

# s for all notifiers together: Lambda gives a process 10 s to begin (AWS Lambda Developer Guide, "Init phase").
CREATION_LIMIT = 5.0
CREATION_INTERVAL = 300.0  # s between two attempts to make a notifier, in one process

TAGS_UNKNOWN = "The job's tags could not be looked up, so this message passed the filter by tags unchecked."

_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,99}")


@dataclass(frozen=True)
class Instance:
    """A configured notifier and its filters: see `batchbell.wire.ManifestEntry`."""

    name: str
    notifier: Notifier
    statuses: Sequence[str] = ()
    jobs: Sequence[str] = ()
    digest_after: int = 0
    tags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    log_lines: int | None = None
    progress: bool = False

    def takes(self, status: str, job_name: str, tags: Mapping[str, str] | None = None) -> bool:
        """True if the filters let a message through.

        tags: the job's; None if they are unknown: then they keep no message from anybody.
        """
        return (
            (not self.statuses or status in self.statuses)
            and (not self.jobs or _matches(job_name, self.jobs))
            and (tags is None or all(key in tags and _matches(tags[key], self.tags[key]) for key in self.tags))
        )

    def takes_message(self, message: Message) -> bool:
        return self.takes(message.status, message.job_name, {tag.key: tag.value for tag in message.tags})

    def shown(self, message: Message, tags: Mapping[str, str] | None) -> Message:
        """Return the message with as many log lines as this notifier shows.

        tags: the job's; None if they are unknown: then a notifier that filters by tags says so.
        """
        if self.tags and tags is None:
            message = message.with_note(TAGS_UNKNOWN)
        if self.log_lines is None:
            return message
        return replace(message, failures=tuple(_with_last_lines(group, self.log_lines) for group in message.failures))

    def digests(self, number: int) -> bool:
        """True if so many messages at once become one digest."""
        return 0 < self.digest_after < number


def _with_last_lines(group: FailureGroup, number: int) -> FailureGroup:
    if not number:
        return replace(group, log_lines=(), log_problem="")
    return replace(group, log_lines=group.log_lines[-number:])


def _matches(text: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


@dataclass(frozen=True)
class Unusable:
    """Takes the place of a notifier that could not be made."""

    reason: str

    def send(self, message: Message) -> str | None:
        raise TemporaryError(self.reason)

    def update(self, message: Message, receipt: str) -> None:
        raise TemporaryError(self.reason)


@dataclass
class NotMade:
    """Takes the place of a notifier that was not made in time.

    One that failed is made again with a later message, since the cause may be gone. One that hangs may still end, but
    is not begun a second time: its thread stays.

    made: an `Unusable` if it failed.
    began: epoch seconds.
    """

    entry: ManifestEntry
    made: Future[Notifier]
    began: float
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, message: Message) -> str | None:
        return self._notifier().send(message)

    def update(self, message: Message, receipt: str) -> None:
        notifier: Any = self._notifier()
        if not hasattr(notifier, "update"):
            raise PermanentError("the notifier has no update")
        notifier.update(message, receipt)

    def _notifier(self) -> Notifier:
        """Raises TemporaryError if it is not made in time."""
        with self.lock:
            failed = self.made.done() and isinstance(self.made.result(), Unusable)
            if failed and time.time() >= self.began + CREATION_INTERVAL:
                self.made, self.began = _begin(self.entry), time.time()
            made = self.made
        try:
            return made.result(SEND_LIMIT)
        except TimeoutError:
            reason = f"{self.entry['module']} cannot be used: its import or create does not end"
            raise TemporaryError(reason) from None


@dataclass(frozen=True)
class Configuration:
    """The stack's notifiers, and what its messages say.

    zone: messages show times in it.
    log_lines, owner_tag, rerun_hint: see `batchbell.wire.Manifest`.
    watching: what sweeps look at; None if there are none.
    """

    instances: tuple[Instance, ...]
    zone: tzinfo
    log_lines: int
    owner_tag: str
    watching: Watching | None = None
    rerun_hint: bool = True


def read_manifest(path: Path) -> Configuration:
    """Raises OSError, ValueError or KeyError if the file is missing or not a manifest."""
    content: Manifest = json.loads(path.read_text("utf-8"))
    deadline = Deadline.after(CREATION_LIMIT)
    instances = tuple(instance_of(entry, _make(entry, deadline)) for entry in content["instances"])
    return Configuration(
        instances,
        _zone(content.get("time_zone")),
        content.get("log_lines", 0),
        content.get("owner_tag", ""),
        _watching(content.get("watch")),
        content.get("rerun_hint", True),
    )


def _watching(watch: Watch | None) -> Watching | None:
    if watch is None:
        return None
    from batchbell.dispatcher.watch.watching import Watching  # most stacks do not watch

    return Watching.from_manifest(watch)


def _zone(entry: TimeZone | None) -> tzinfo:
    """Made from the rules in the package.

    Lambda's Amazon Linux has lacked a time zone database before (aws/aws-lambda-dotnet#1620), and the deploy checked
    the name with another one.
    """
    if entry is None:
        return UTC
    from zoneinfo import ZoneInfo  # most stacks need none, and a cold start is shorter without it

    return ZoneInfo.from_file(io.BytesIO(base64.b64decode(entry["data"])), entry["name"])


def instance_of(entry: ManifestEntry, notifier: Notifier) -> Instance:
    """Raises KeyError if the entry lacks a field."""
    return Instance(
        entry["name"],
        notifier,
        entry["statuses"],
        entry["jobs"],
        entry["digest_after"],
        entry.get("tags", {}),
        entry.get("log_lines"),
        entry.get("progress", False),
    )


def _secrets(where: Mapping[str, Mapping[str, str]]) -> Secrets:
    if not where:
        return {}
    # The import takes a twentieth of a cold start (measured), which a stack without secrets saves.
    from batchbell.dispatcher import secret_store

    return {name: Secret(name, secret_store.reader(place)) for name, place in where.items()}


def _make(entry: ManifestEntry, deadline: Deadline) -> Notifier:
    began, made = time.time(), _begin(entry)
    try:
        notifier = made.result(deadline.left)
    except TimeoutError:
        logger.error("notifier cannot be used yet", notifier=entry["name"], reason="its import or create does not end")
        return NotMade(entry, made, began)
    return NotMade(entry, made, began) if isinstance(notifier, Unusable) else notifier


def _begin(entry: ManifestEntry) -> Future[Notifier]:
    """Make the notifier in a thread of its own, since its module may hang."""
    made: Future[Notifier] = Future()
    threading.Thread(target=lambda: made.set_result(_notifier(entry)), daemon=True).start()
    return made


def _notifier(entry: ManifestEntry) -> Notifier:
    """Never raises, whatever the notifier's module does: SystemExit and its like are caught, too."""
    try:
        secrets = _secrets(entry["secrets"])
        notifier: Notifier = importlib.import_module(entry["module"]).create(entry["settings"], secrets)
    except BaseException as error:
        reason = f"{entry['module']} cannot be used: {_describe(error)}"
        logger.error("notifier cannot be used", notifier=entry["name"], reason=reason)
        return Unusable(reason)
    return notifier


def _describe(error: BaseException) -> str:
    """Return the type, and the name of a missing module: the text of an exception may show a setting or a secret."""
    if isinstance(error, ModuleNotFoundError) and _MODULE.fullmatch(str(error.name)):
        return f"No module named {error.name!r}"
    return type(error).__name__


def find(instances: Sequence[Instance], name: str) -> Instance | None:
    return next((instance for instance in instances if instance.name == name), None)
