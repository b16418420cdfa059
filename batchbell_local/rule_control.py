"""RuleControl: what a test does to the rules of a local EventBridge, beyond AWS's API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Send = Callable[[str, Mapping[str, Any]], dict[str, Any]]


class RuleControl:
    """Fires schedules, and withholds what a rule sends. Rules are named, on the default bus."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def fire(self, rule: str) -> None:
        """Fire the rule's schedule now."""
        self._send("fire", {"rule": rule})

    def withhold(self, rule: str) -> None:
        """Withhold what the rule sends to its targets from now on."""
        self._send("withhold", {"rule": rule})

    def withheld(self, rule: str) -> int:
        """Return how many events are withheld, one for each target."""
        return int(self._send("withheld", {"rule": rule})["events"])

    def deliver(self, rule: str) -> int:
        """Send what was withheld, and withhold no more; return how many events there were."""
        return int(self._send("deliver", {"rule": rule})["events"])
