"""Whom a message mentions in Slack. The stack's settings alone decide: a job's own texts never mention anybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from batchbell.contract import DigestEntry, Message, Severity
from batchbell.wire import MessageKind, Status

# Of jobs (AWS Batch User Guide, "Job states"), of a blocked queue, and of warnings about a job that runs. In `mentions`
# these names are no owners.
STATUSES = (
    *("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED", "BLOCKED"),
    *(Status.EARLY.value, Status.OVERDUE.value, Status.STALLED.value),
)
DIGEST_LIMIT = 10  # jobs: a digest of more would mention a crowd
_STATUSES = {Severity.FAILURE: "FAILED", Severity.SUCCESS: "SUCCEEDED"}  # of a digest's entries


@dataclass(frozen=True)
class Mentions:
    """The settings `mentions` and `mention_statuses`."""

    ids: Mapping[str, Sequence[str]] = field(default_factory=dict)  # by the owner's name, a tag's value, or a status
    statuses: Sequence[str] = ("FAILED",)

    def of(self, message: Message) -> list[str]:
        """Return the mentions in Slack's markup, each once.

        A message that is edited mentions nobody: its first text says nothing yet, and Slack tells nobody of an edit.
        """
        if message.kind == MessageKind.PROGRESS:
            return []
        found: dict[str, None] = {}
        if len(message.jobs) <= DIGEST_LIMIT:
            for one in message.jobs or [message]:
                found.update(dict.fromkeys(self._ids(one)))
        return [f"<!subteam^{one}>" if one.startswith("S") else f"<@{one}>" for one in found]

    def _ids(self, one: Message | DigestEntry) -> Iterator[str]:
        status = one.status if isinstance(one, Message) else _STATUSES.get(one.severity, "")
        if status in self.statuses:
            for value in [one.owner] if one.owner else [tag.value for tag in one.tags]:
                # Whoever may tag jobs must not reach those who are mentioned for another status.
                yield from self.ids.get(value, ()) if value not in STATUSES else ()
        yield from self.ids.get(status, ())
