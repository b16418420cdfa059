"""The manifest of the simulated stack, as the deploy would have written it into the package."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from batchbell.wire import Manifest as Written
from batchbell.wire import ManifestEntry
from tests.simulation.channels import Channel


@dataclass(frozen=True)
class Manifest:
    """Takes the place of a path to the file."""

    text: str

    @classmethod
    def of(cls, channels: Sequence[Channel]) -> Manifest:
        written: Written = {"instances": [_entry(channel) for channel in channels]}
        return cls(json.dumps(written))

    def read_text(self, encoding: str) -> str:
        return self.text


def _entry(channel: Channel) -> ManifestEntry:
    return {
        "name": channel.name,
        "module": "tests.simulation.notifiers",
        "statuses": list(channel.statuses),
        "jobs": list(channel.jobs),
        "digest_after": channel.digest_after,
        "settings": {"name": channel.name},
        "secrets": {},
    }
