"""Which messages notifiers have, or will have: from the ledger's rows."""

from __future__ import annotations

from batchbell.dispatcher.messages.live_message import LAST_STATE
from batchbell.dispatcher.watch.rows import Row
from batchbell.wire import Column

DROPPED = "dropped"  # the result in the row of a warning that was no longer true when its ticket came


def shown(row: Row) -> float:
    """How far a job was in what its live message shows (`live_message.shown_number`); -1 if it has none yet."""
    return float(row.get(Column.SHOWN, {"N": -1})["N"])


def was_composed(row: Row, now: float, *, repeated: bool) -> bool:
    """Whether a message need not be composed again for this row's notifier.

    now: epoch seconds.
    repeated: the sweep's record came before, and the function died: its tickets may be missing. What was sent stays
        sent, since the ledger refuses a second claim.
    """
    if Column.SENT in row or shown(row) == LAST_STATE:
        return True
    if repeated:
        return False
    result = row.get(Column.RESULT, {}).get("S")
    if result == DROPPED:
        return Column.MAYBE in row
    if result is not None:
        return True  # there is a ticket, or a dead letter
    return Column.TOKEN in row and float(row.get(Column.UNTIL, {}).get("N", 0)) > now  # it is being sent
