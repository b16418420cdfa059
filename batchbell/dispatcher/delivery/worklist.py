"""The deliveries of one invocation: each message once for a notifier, even if several records ask for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from batchbell.dispatcher.delivery.outcome import Delivery, Outcome
from batchbell.dispatcher.messages.live_message import shown_number
from batchbell.dispatcher.records.ticket import Ticket

T = TypeVar("T", Delivery, Ticket)


def merge(one: T, other: Delivery | Ticket) -> T:
    """Two of one message for one notifier, as a killed function leaves behind, become the older and most tried one."""
    return replace(
        one,
        first_tried=min(one.first_tried, other.first_tried),
        attempt=max(one.attempt, other.attempt),
        alone=one.alone or other.alone,
    )


@dataclass(frozen=True)
class _Entry:
    delivery: Delivery
    records: tuple[str, ...]


class Worklist:
    """Deliveries by notifier and message, with the records that they came from.

    A duplicated event, or a ticket beside its event, is one delivery: the ledger distinguishes invocations, not the
    records of one.
    """

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, _Entry]] = {}

    def add(self, record: str, delivery: Delivery) -> None:
        """Add a delivery. `record`: the id of the record that asks for it."""
        entries = self._entries.setdefault(delivery.instance.name, {})
        known = entries.get(delivery.message.key)
        if known is None:
            entries[delivery.message.key] = _Entry(delivery, (record,))
            return
        newer, older = known.delivery, delivery
        if shown_number(older.message) > shown_number(newer.message):
            newer, older = older, newer  # a live message shows the job's last state
        entries[delivery.message.key] = _Entry(merge(newer, older), (*known.records, record))

    def join(self, ticket: Ticket, records: Sequence[str]) -> bool:
        """Let a delivery of the same message count for the ticket and its records. False if there is none.

        An earlier state of a live message is another message.
        """
        entries = self._entries.get(ticket.notifier, {})
        known = entries.get(ticket.message.key)
        if known is None or shown_number(known.delivery.message) < shown_number(ticket.message):
            return False
        entries[ticket.message.key] = _Entry(merge(known.delivery, ticket), (*known.records, *records))
        return True

    def by_notifier(self) -> Mapping[str, Sequence[Delivery]]:
        return {name: [entry.delivery for entry in entries.values()] for name, entries in self._entries.items()}

    def settle(self, outcomes: Mapping[str, Sequence[Outcome]]) -> Iterator[tuple[Delivery, tuple[str, ...], Outcome]]:
        """Yield each delivery with its records and its outcome. `outcomes` are in the order of `by_notifier`."""
        for name, entries in self._entries.items():
            for entry, outcome in zip(entries.values(), outcomes[name], strict=True):
                yield entry.delivery, entry.records, outcome
