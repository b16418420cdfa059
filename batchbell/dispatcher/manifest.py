"""The stack's notifiers and time zone, read from the manifest in the package (`batchbell.wire.Manifest`).

Only the modules that it names are imported, once in a process. A notifier that cannot be made does not stop the others:
its messages become tickets with the reason.
"""

from __future__ import annotations

import base64
import importlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from fnmatch import fnmatchcase
from pathlib import Path

from batchbell.contract import Message, Notifier, Secret, Secrets, TemporaryError
from batchbell.dispatcher.telemetry import logger
from batchbell.wire import Manifest, ManifestEntry, TimeZone


@dataclass(frozen=True)
class Instance:
    """A configured notifier and its filters: see `batchbell.wire.ManifestEntry`."""

    name: str
    notifier: Notifier
    statuses: Sequence[str] = ()
    jobs: Sequence[str] = ()
    digest_after: int = 0

    def takes(self, status: str, job_name: str) -> bool:
        """True if the filters let a message through that has this status and job name."""
        return (not self.statuses or status in self.statuses) and (
            not self.jobs or any(fnmatchcase(job_name, pattern) for pattern in self.jobs)
        )

    def digests(self, number: int) -> bool:
        """True if so many messages at once become one digest."""
        return 0 < self.digest_after < number


@dataclass(frozen=True)
class Unusable:
    """Takes the place of a notifier that could not be made."""

    reason: str

    def send(self, message: Message) -> None:
        raise TemporaryError(self.reason)


@dataclass(frozen=True)
class Configuration:
    """The stack's notifiers, and the time zone that messages show times in."""

    instances: tuple[Instance, ...]
    zone: tzinfo


def read_manifest(path: Path) -> Configuration:
    """Raises OSError, ValueError or KeyError if the file is missing or not a manifest."""
    content: Manifest = json.loads(path.read_text("utf-8"))
    instances = tuple(instance_of(entry, _notifier(entry)) for entry in content["instances"])
    return Configuration(instances, _zone(content.get("time_zone")))


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
    return Instance(entry["name"], notifier, entry["statuses"], entry["jobs"], entry["digest_after"])


def _secrets(where: Mapping[str, Mapping[str, str]]) -> Secrets:
    if not where:
        return {}
    # The import takes a twentieth of a cold start (measured), which a stack without secrets saves.
    from batchbell.dispatcher import secret_store

    return {name: Secret(name, secret_store.reader(place)) for name, place in where.items()}


def _notifier(entry: ManifestEntry) -> Notifier:
    try:
        secrets = _secrets(entry["secrets"])
        notifier: Notifier = importlib.import_module(entry["module"]).create(entry["settings"], secrets)
    except Exception as error:
        # An ImportError's text names a module; the text of another exception may show a setting.
        detail = f": {error}" if isinstance(error, ImportError) else ""
        reason = f"{entry['module']} cannot be used: {type(error).__name__}{detail}"
        logger.error("notifier cannot be used", notifier=entry["name"], reason=reason)
        return Unusable(reason)
    return notifier


def find(instances: Sequence[Instance], name: str) -> Instance | None:
    return next((instance for instance in instances if instance.name == name), None)
