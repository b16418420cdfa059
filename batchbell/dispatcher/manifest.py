"""The stack's choice of notifiers and time zone, as the deploy wrote it into the package: manifest.json.

    {"instances": [{"name": "ops", "module": "notifiers.slack.notifier", "statuses": ["FAILED"], "jobs": ["nightly-*"],
                    "digest_after": 5, "settings": {…}, "secrets": {"webhook": {"ssm": "arn:…"}}}],
     "time_zone": {"name": "Europe/Berlin", "data": "VFppZjI…"}}

Just the modules it names are imported, once in a process. A notifier that cannot be made is kept as a reason, so that
it does not hide another's messages: whatever it should send becomes its tickets.
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
from typing import Any

from batchbell.contract import Message, Notifier, Secret, Secrets, TemporaryError
from batchbell.dispatcher.telemetry import logger


@dataclass(frozen=True)
class Instance:
    """One configured notifier: its name in this stack, and which messages it takes."""

    name: str
    notifier: Notifier
    statuses: tuple[str, ...] = ()  # empty: every status that the rule lets through
    jobs: tuple[str, ...] = ()  # patterns of job names (*, ?, […]); empty: every job
    digest_after: int | None = None  # more messages than this at once are one digest; None: never

    def takes(self, message: Message) -> bool:
        return (not self.statuses or message.status in self.statuses) and (
            not self.jobs or any(fnmatchcase(message.job_name, pattern) for pattern in self.jobs)
        )

    def digests(self, number: int) -> bool:
        """Whether so many messages at once are one digest."""
        return self.digest_after is not None and number > self.digest_after


@dataclass(frozen=True)
class Unusable:
    """Stands in for a notifier that could not be made."""

    reason: str

    def send(self, message: Message) -> None:
        raise TemporaryError(self.reason)


@dataclass(frozen=True)
class Manifest:
    instances: tuple[Instance, ...]
    zone: tzinfo


def read_manifest(path: Path) -> Manifest:
    """Raises OSError, ValueError or KeyError for a manifest that is none."""
    content = json.loads(path.read_text("utf-8"))
    instances = tuple(instance_of(entry, _notifier(entry)) for entry in content["instances"])
    return Manifest(instances, _zone(content.get("time_zone")))


def _zone(entry: Mapping[str, Any] | None) -> tzinfo:
    """From the rules that came with the package: Lambda's Amazon Linux has been without a time zone database before
    (aws/aws-lambda-dotnet#1620), and the one that it has is not the one that the deploy checked the name with."""
    if entry is None:
        return UTC
    from zoneinfo import ZoneInfo  # most stacks have none, and a cold start is shorter without

    return ZoneInfo.from_file(io.BytesIO(base64.b64decode(entry["data"])), entry["name"])


def instance_of(entry: Mapping[str, Any], notifier: Notifier) -> Instance:
    """One of the manifest's `instances`, with what sends its messages. Raises KeyError for one that is none."""
    return Instance(
        name=entry["name"],
        notifier=notifier,
        statuses=tuple(entry.get("statuses", ())),
        jobs=tuple(entry.get("jobs", ())),
        digest_after=entry.get("digest_after"),
    )


def _secrets(where: Mapping[str, Mapping[str, str]]) -> Secrets:
    if not where:
        return {}
    # The reader takes a twentieth of a cold start (measured), which a stack without secrets need not wait for.
    from batchbell.dispatcher import secret_store

    return {name: Secret(name, secret_store.reader(place)) for name, place in where.items()}


def _notifier(entry: Mapping[str, Any]) -> Notifier:
    try:
        secrets = _secrets(entry.get("secrets", {}))
        notifier: Notifier = importlib.import_module(entry["module"]).create(entry.get("settings", {}), secrets)
    except Exception as error:
        # An ImportError's text names a module; another exception's text may show a setting.
        detail = f": {error}" if isinstance(error, ImportError) else ""
        reason = f"{entry['module']} cannot be used: {type(error).__name__}{detail}"
        logger.error("notifier cannot be used", notifier=entry["name"], reason=reason)
        return Unusable(reason)
    return notifier


def find(instances: Sequence[Instance], name: str) -> Instance | None:
    return next((instance for instance in instances if instance.name == name), None)
