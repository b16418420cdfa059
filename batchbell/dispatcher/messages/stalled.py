"""The warning that an array stands still."""

from __future__ import annotations

from collections.abc import Sequence

from batchbell.contract import Fact, Message
from batchbell.dispatcher.dates import format_duration
from batchbell.dispatcher.messages.running_job import Observed, warn
from batchbell.wire import MessageKind, Status


def compose_stalled(observed: Observed, queue: Sequence[Fact], owner_tag: str = "") -> Message:
    """Compose the message.

    queue: what AWS says of the job queue and its compute environments.
    owner_tag: as in `finished_job.compose`.
    """
    moved = observed.seen.moved if observed.seen.moved is not None else observed.now
    still = format_duration(max(0.0, observed.now - moved))
    return warn(
        observed,
        Status.STALLED,
        MessageKind.STALLED,
        owner_tag,
        f" is stalled: no child started or finished for {still}",
        facts=queue,
    )
