"""Withholds what rules send to their targets, and sends it late.

EventBridge tries for 24 hours by default (Amazon EventBridge User Guide, "How EventBridge retries delivering events"),
and what it never delivers is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import eventbridge, sqs

Json = dict[str, Any]


class WithheldEvents:
    """The events that are withheld, by rule's name."""

    def __init__(self) -> None:
        self._by_rule: dict[str, list[Callable[[], None]]] = {}

    def install(self) -> None:
        """Make this process's MiniStack send through here. Call it after all that change how targets are invoked."""
        invoke = eventbridge._invoke_target

        def invoke_or_withhold(target: Json, event: Json, rule: Json, view: Any = None) -> None:
            withheld = self._by_rule.get(rule.get("Name", ""))
            if withheld is None:
                invoke(target, event, rule, view)
                return
            scope = get_account_id(), get_region()

            def deliver() -> None:
                with request_scope(*scope), sqs._queues_lock:
                    invoke(target, event, rule, view)

            withheld.append(deliver)

        eventbridge._invoke_target = invoke_or_withhold

    def withhold(self, rule: str) -> None:
        """Withhold what the rule sends from now on."""
        self._by_rule.setdefault(rule, [])

    def count(self, rule: str) -> int:
        """Return how many events of the rule are withheld, one for each target."""
        return len(self._by_rule.get(rule, ()))

    def deliver(self, rule: str) -> int:
        """Send the withheld events, and withhold no more; return how many there were."""
        withheld = self._by_rule.pop(rule, [])
        for send in withheld:
            send()
        return len(withheld)


withheld_events = WithheldEvents()
