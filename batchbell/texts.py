"""Cleans, cuts and formats the texts of messages. Imports only the standard library and `batchbell.contract`.

A job's texts may be hostile: `tidy` removes control characters and bad links; each notifier still escapes markup.
"""

from __future__ import annotations

import dataclasses
import re
from bisect import bisect_right
from collections.abc import Sequence

from batchbell.contract import Command, DigestEntry, Fact, FailureGroup, Link, Message, Severity, Tag
from batchbell.wire import LOG_LINES_LIMIT

__all__ = [
    "ICONS",
    "as_text",
    "cut",
    "describe_children",
    "describe_job",
    "headline",
    "indented_line",
    "last_lines",
    "one_line",
    "shorten",
    "tidy",
    "with_omission_note",
    "without_logs",
]

TEXT_LIMIT = 1_000  # characters of one text: enough for any reason of AWS Batch
LABEL_LIMIT = 100  # characters
KEY_LIMIT = 2_048  # characters: a job's ARN and status take less than a tenth
COMMAND_LIMIT = 1_000  # characters of a command line
RECEIPT_LIMIT = 200  # characters of what a notifier's `send` gives back
LINK_LIMIT = 2_000  # characters: accepted by all browsers and channels
GROUPS_LIMIT = 500  # groups of failures: more than anybody reads
WORD_LIMIT = 12  # characters: no word of a title but a name is longer
OUTCOME_LIMIT = 48  # characters: "failed: at least 9,999 of 10,000 children" and some
JOBS_LIMIT = 100  # jobs of a digest: `Message.jobs` holds no more
TAGS_LIMIT = 51  # AWS allows 50, and the share identifier counts as one
TAG_KEY_LIMIT, TAG_VALUE_LIMIT = 128, 256  # characters: AWS General Reference, "Tag naming limits and requirements"
LOG_LINE_LIMIT = 300  # characters of a line of a log
INDENT_LIMIT = 20  # characters: of what a line of a log begins with
ICONS = {Severity.SUCCESS: "✅", Severity.FAILURE: "❌", Severity.WARNING: "⚠️", Severity.INFO: "ℹ️"}  # noqa: RUF001
EMPTY = "-"  # some channels refuse an empty text

# Lone surrogates cannot be encoded; the two non-characters are not allowed in XML, which some AWS APIs speak.
_NOT_ENCODABLE = re.compile("[\ud800-\udfff\ufffe\uffff]")
# Marks that change the reading direction: with them, a name can look like another one.
_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_CONTROL = re.compile("[\x00-\x20\x7f-\xa0\u2028\u2029]+")
_WEB_ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:[/?#][!#$%&()*+,./0-9:;=?@A-Z_a-z~\[\]-]*)?")


def one_line(text: str, limit: int = TEXT_LIMIT) -> str:
    """Remove line breaks, control characters and what cannot be encoded, and cut to `limit` characters."""
    return cut(_clean(text), limit)


def indented_line(text: str) -> str:
    """Do the same to a line of a log, whose indentation tells something."""
    expanded = text.replace("\t", "    ")
    indent = len(expanded) - len(expanded.lstrip(" "))
    return cut(" " * min(indent, INDENT_LIMIT) + one_line(expanded, len(expanded) or 1), LOG_LINE_LIMIT)


def cut(text: str, limit: int) -> str:
    """Cut a text that is longer than `limit` characters, and end it with an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def shorten(title: str, limit: int, ellipsis: str = "…") -> str:
    """Shorten a title that is longer than `limit` characters in the middle of its longest words, which are names.

    What it says about them, such as "failed: 3 of 7 children", stays whole, wherever it stands. A title that is too
    long without its names is shortened in its own middle.
    """
    if len(title) <= limit:
        return title
    words = title.split(" ")
    lengths, room = [len(word) for word in words], limit - (len(words) - 1)
    candidates = range(WORD_LIMIT, max(lengths) + 1)
    fitting = bisect_right(candidates, room, key=lambda length: sum(min(length, one) for one in lengths))
    if not fitting:
        return _without_middle(title, limit, max(limit // 2, min(OUTCOME_LIMIT, limit - len(ellipsis) - 1)), ellipsis)
    longest = candidates[fitting - 1]
    return " ".join(_without_middle(word, longest, (longest - len(ellipsis)) // 2, ellipsis) for word in words)


def _without_middle(text: str, limit: int, tail: int, ellipsis: str) -> str:
    """Return `limit` characters of a longer text, `tail` of them from its end."""
    room = max(0, limit - len(ellipsis))
    tail = min(tail, room)
    return text if len(text) <= limit else text[: room - tail] + ellipsis + text[len(text) - tail :]


def tidy(message: Message) -> Message:
    """Put every text on one line, cut it, replace empty ones by "-", and remove links that are not plain https.

    A command line that would not stay as it is, is removed too.

    Groups of failures beyond `GROUPS_LIMIT`, and jobs beyond `JOBS_LIMIT`, are left out; a note says how many.
    """
    tidied = dataclasses.replace(
        message,
        key=one_line(message.key, KEY_LIMIT),
        kind=_line(message.kind),
        status=_line(message.status),
        title=_title(message.title),
        summary=_line(message.summary),
        job_name=_line(message.job_name),
        queue=one_line(message.queue),
        thread=one_line(message.thread, KEY_LIMIT),
        owner=one_line(message.owner),
        tags=_tags(message.tags),
        commands=tuple(command for command in map(_command, message.commands) if command is not None),
        reply_to=one_line(message.reply_to, RECEIPT_LIMIT),
        facts=tuple(Fact(_line(fact.label, LABEL_LIMIT), _line(fact.value)) for fact in message.facts),
        failures=tuple(
            dataclasses.replace(
                group,
                reason=_line(group.reason),
                indexes=one_line(group.indexes),
                log=_link(group.log),
                meaning=one_line(group.meaning),
                log_lines=tuple(
                    line for line in map(indented_line, group.log_lines[-LOG_LINES_LIMIT:]) if line.strip()
                ),
                log_problem=one_line(group.log_problem),
            )
            for group in message.failures[:GROUPS_LIMIT]
        ),
        notes=tuple(_line(note) for note in message.notes),
        links=tuple(link for link in map(_link, message.links) if link is not None),
        jobs=tuple(
            dataclasses.replace(
                job, title=_title(job.title), link=_link(job.link), owner=one_line(job.owner), tags=_tags(job.tags)
            )
            for job in message.jobs[:JOBS_LIMIT]
        ),
    )
    tidied = with_omission_note(tidied, len(message.jobs) - len(tidied.jobs), "jobs")
    return with_omission_note(tidied, len(message.failures) - len(tidied.failures), "groups of failures")


def with_omission_note(message: Message, count: int, what: str) -> Message:
    """Add a note that `count` more of something are left out, unless `count` is 0."""
    return message.with_note(f"{count:,} more {what} are left out.") if count else message


def without_logs(message: Message, why: str, lines: int = 0) -> Message:
    """Shorten the ends of logs in a message.

    why: a note that says so.
    lines: that are kept of each log, the last ones.
    """
    if not any(len(group.log_lines) > lines for group in message.failures):
        return message
    groups = [
        dataclasses.replace(group, log_lines=group.log_lines[-lines:] if lines else ()) for group in message.failures
    ]
    return dataclasses.replace(message, failures=tuple(groups)).with_note(why)


def as_text(message: Message) -> str:
    """Format a tidy message as plain text: the outcome, what failed, what to run, the facts, the links.

    The notes come second, so that a channel that cuts the text keeps them.
    """
    parts = [f"{message.title}\n{message.summary}"]
    if message.notes:
        parts.append("\n".join(f"Note: {note}" for note in message.notes))
    parts.extend("\n  ".join(_lines(group)) for group in message.failures)
    if message.jobs:
        parts.append("\n".join("\n  ".join(_lines_of_job(job)) for job in message.jobs))
    if message.commands:
        parts.append("\n".join(f"{command.label}:\n  {command.line}" for command in message.commands))
    if message.facts:
        parts.append("\n".join(f"{fact.label}: {fact.value}" for fact in message.facts))
    if message.links:
        parts.append("\n".join(f"{link.label}:\n{link.url}" for link in message.links))
    return "\n\n".join(parts) + "\n"


def headline(group: FailureGroup, limit: int = 2 * TEXT_LIMIT) -> str:
    """Return a line such as "3x Essential container in task exited (exit code 1)"; without "1x" for a single job.

    limit: characters. The reason is cut, never the count or the exit code.
    """
    exit_code = "" if group.exit_code is None else f" (exit code {group.exit_code})"
    attempts = f", after {group.attempts} attempts" if group.indexes and (group.attempts or 1) > 1 else ""
    times = f"{group.count:,}x " if group.indexes else ""
    reason = cut(group.reason, max(1, limit - len(times) - len(exit_code) - len(attempts)))
    return f"{times}{reason}{exit_code}{attempts}"


def describe_children(group: FailureGroup) -> str:
    """Return a text such as "children 2, 5, 8"; empty for a single job."""
    return f"{'child' if group.count == 1 else 'children'} {group.indexes}" if group.indexes else ""


def describe_job(job: DigestEntry, limit: int = TEXT_LIMIT) -> str:
    """Return a line such as "nightly failed: 3 of 7 children (may be a repeat)".

    limit: characters of the job's title.
    """
    return shorten(job.title, limit) + (" (may be a repeat)" if job.may_be_repeat else "")


def _lines_of_job(job: DigestEntry) -> list[str]:
    return [describe_job(job), f"{job.link.label}: {job.link.url}"] if job.link else [describe_job(job)]


def last_lines(lines: Sequence[str], limit: int) -> list[str]:
    """Return as many of the last lines as have at most `limit` characters together, their line breaks included."""
    kept: list[str] = []
    for line in reversed(lines):
        limit -= len(line) + 1
        if limit < 0:
            break
        kept.insert(0, line)
    return kept


def _lines(group: FailureGroup) -> list[str]:
    """Return the group's lines; the link, which is long and opens a console, stands last."""
    lines = (headline(group), describe_children(group), group.meaning, *(f"| {line}" for line in group.log_lines))
    log = f"{group.log.label}: {group.log.url}" if group.log else ""
    return [line for line in (*lines, group.log_problem, log) if line]


def _tags(tags: Sequence[Tag]) -> tuple[Tag, ...]:
    return tuple(
        Tag(one_line(tag.key, TAG_KEY_LIMIT), one_line(tag.value, TAG_VALUE_LIMIT)) for tag in tags[:TAGS_LIMIT]
    )


def _clean(text: str) -> str:
    text = _DIRECTION.sub("", _NOT_ENCODABLE.sub("\ufffd", text))
    return _CONTROL.sub(" ", text).strip()


def _title(text: str) -> str:
    return shorten(_clean(text), TEXT_LIMIT) or EMPTY


def _line(text: str, limit: int = TEXT_LIMIT) -> str:
    return one_line(text, limit) or EMPTY


def _command(command: Command) -> Command | None:
    line = command.line
    # Repeated blanks stay: they may stand between quotes.
    if not line or len(line) > COMMAND_LIMIT or one_line(line) != re.sub(" +", " ", line):
        return None
    return Command(_line(command.label, LABEL_LIMIT), line)


def _link(link: Link | None) -> Link | None:
    if link is None or len(link.url) > LINK_LIMIT or not _WEB_ADDRESS.fullmatch(link.url):
        return None
    return Link(_line(link.label, LABEL_LIMIT), link.url)
