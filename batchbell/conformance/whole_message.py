"""What of a message must be in what arrives."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from collections.abc import Collection, Iterator, Mapping

from batchbell.conformance.messages import dead_channel, digest, failed, single_job, succeeded, warning
from batchbell.contract import Message

# What a channel with little room may leave out. The title says what happened, a note that a message may be a repeat.
OPTIONAL_PARTS = frozenset({"summary", "facts", "failures", "links", "jobs"})
# Short messages, which every channel has room for.
SHORT_MESSAGES: Mapping[str, Message] = {
    "succeeded": succeeded(),
    "failed": failed(),
    "single job": single_job(),
    "digest": digest(3),
    "dead channel": dead_channel(),
    "warning": warning(),
}


def unmarked(message: Message) -> Message:
    """Return a digest in which no job may be a repeat."""
    return dataclasses.replace(
        message, jobs=tuple(dataclasses.replace(job, may_be_repeat=False) for job in message.jobs)
    )


def find_missing(message: Message, text: str, left_out: Collection[str]) -> str | None:
    """Say which part of the message is not in the text; None if all are.

    Only letters and digits are compared, so that a channel may escape, wrap and lay out a text as it likes.

    left_out: parts that may be missing.
    """
    shown = letters(text)
    for part, name, expected in _expected(message):
        if part not in left_out and letters(expected) not in shown:
            return f"{name} {expected!r}"
    return None


def find_changed_command(message: Message, text: str) -> str | None:
    """Return the first command line of which a part is in the text, but not all of it, as it is; None without one.

    The line's first word must be one that is nowhere else.
    """
    shown = html.unescape(text)
    for command in message.commands:
        in_json = json.dumps(command.line)[1:-1]  # for a channel whose readers are programs
        if command.line.partition(" ")[0] in shown.replace(command.line, "").replace(in_json, ""):
            return command.line
    return None


def letters(text: str) -> str:
    """Return the letters and digits of a text that may be HTML."""
    return re.sub(r"[\W_]+", "", html.unescape(text)).casefold()


def _expected(message: Message) -> Iterator[tuple[str, str, str]]:
    """Yield the part, what to call it, and the text."""
    yield "title", "the title", message.title
    yield "summary", "the summary", message.summary
    for fact in message.facts:
        yield "facts", "the label of a fact", fact.label
        yield "facts", "the value of a fact", fact.value
    for group in message.failures:
        yield "failures", "the reason of a failure", group.reason
        yield "failures", "the children that failed", group.indexes
        yield "failures", "an exit code", "" if group.exit_code is None else str(group.exit_code)
        yield "links", "the link to a log", group.log.url if group.log else ""
    for note in message.notes:
        yield "notes", "a note, without which a repeat looks like a second event,", note
    for link in message.links:
        yield "links", "a link", link.url
    for job in message.jobs:
        yield "jobs", "a job of a digest", job.title
        yield "links", "the link of a job", job.link.url if job.link else ""
