"""A digest: many messages for one notifier as one, the failed jobs first, with counts and a link each."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from batchbell.contract import DigestEntry, Fact, Message, Severity
from batchbell.texts import tidy
from batchbell.wire import MessageKind

_ORDER = (Severity.FAILURE, Severity.WARNING, Severity.INFO, Severity.SUCCESS)


def compose_digest(messages: Sequence[Message], repeats: Sequence[bool]) -> Message:
    """Compose one message from 1 to DIGEST_LIMIT others.

    repeats: for each message, whether it may have arrived before.
    """
    entries = sorted(
        (_entry(message, repeat) for message, repeat in zip(messages, repeats, strict=True)),
        key=lambda entry: (_ORDER.index(entry.severity), entry.title),
    )
    failed = sum(entry.severity is Severity.FAILURE for entry in entries)
    succeeded = sum(entry.severity is Severity.SUCCESS for entry in entries)
    names, queues = {message.job_name for message in messages}, {message.queue for message in messages}
    keys = hashlib.sha256("\n".join(sorted(message.key for message in messages)).encode())
    return tidy(
        Message(
            key=f"{MessageKind.DIGEST}#{keys.hexdigest()}",
            kind=MessageKind.DIGEST,
            status="FAILED" if failed else "SUCCEEDED",
            severity=entries[0].severity,
            title=_title(failed, succeeded, len(entries) - failed - succeeded),
            summary=f"Many {_what(failed + succeeded)} at about the same time: this message lists them all",
            job_name=names.pop() if len(names) == 1 else f"{len(names)} names",
            facts=tuple(
                Fact(label, str(number)) for label, number in (("Failed", failed), ("Succeeded", succeeded)) if number
            ),
            jobs=tuple(entries),
            queue=queues.pop() if len(queues) == 1 else "",
        )
    )


def _what(finished: int) -> str:
    return "jobs finished" if finished else "messages came"


def _title(failed: int, succeeded: int, other: int) -> str:
    """ "12 jobs finished: 3 failed, 9 succeeded"; other messages, such as a blocked queue's, are counted apart."""
    counts = [f"{number} {what}" for number, what in ((failed, "failed"), (succeeded, "succeeded")) if number]
    others = f"{other} other message{'s' if other > 1 else ''}" if other else ""
    if not counts:
        return others
    number = failed + succeeded
    finished = f"{number} job{'s' if number > 1 else ''} finished: {', '.join(counts)}"
    return f"{finished}; {others}" if others else finished


def _entry(message: Message, repeat: bool) -> DigestEntry:
    link = message.links[0] if message.links else None
    return DigestEntry(message.title, message.severity, link, repeat, message.owner, message.tags)
