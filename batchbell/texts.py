"""Texts on their way to people. A job's texts are hostile, and each channel has limits: here they become harmless in
themselves; a notifier still escapes them for its channel. Standard library and `batchbell.contract` alone.
"""

from __future__ import annotations

import dataclasses
import re

from batchbell.contract import DigestEntry, Fact, FailureGroup, Link, Message, Severity

__all__ = [
    "ICONS",
    "as_text",
    "cut",
    "describe_children",
    "describe_job",
    "headline",
    "one_line",
    "tidy",
    "with_omission_note",
]

TEXT_LIMIT = 1_000  # characters of one text: enough for any reason that AWS Batch gives
LABEL_LIMIT = 100  # characters
KEY_LIMIT = 2_048  # characters: a job's ARN and its status take less than a tenth
LINK_LIMIT = 2_000  # characters: what browsers and channels all take
GROUPS_LIMIT = 500  # groups of failures: more than anybody reads
JOBS_LIMIT = 100  # jobs of a digest: `Message.jobs` holds no more
ICONS = {Severity.SUCCESS: "✅", Severity.FAILURE: "❌", Severity.WARNING: "⚠️", Severity.INFO: "ℹ️"}  # noqa: RUF001
EMPTY = "-"  # some channels refuse an empty text

# Lone surrogates cannot be encoded; the two non-characters are not allowed in XML, which some AWS APIs speak.
_NOT_ENCODABLE = re.compile("[\ud800-\udfff\ufffe\uffff]")
# Marks that turn the reading direction: with them, a name can show another one.
_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_CONTROL = re.compile("[\x00-\x20\x7f-\xa0\u2028\u2029]+")
_WEB_ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:[/?#][!#$%&()*+,./0-9:;=?@A-Z_a-z~\[\]-]*)?")


def one_line(text: str, limit: int = TEXT_LIMIT) -> str:
    """The text without line breaks, control characters and what cannot be encoded, at most `limit` characters."""
    text = _DIRECTION.sub("", _NOT_ENCODABLE.sub("\ufffd", text))
    return cut(_CONTROL.sub(" ", text).strip(), limit)


def cut(text: str, limit: int) -> str:
    """The text, or its start and an ellipsis: at most `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def tidy(message: Message) -> Message:
    """The same message with every text on one line, cut and not empty, and without links that are not plain https.

    More groups of failures than `GROUPS_LIMIT`, and more jobs than `JOBS_LIMIT`, are left out: a note says how many.
    """
    tidied = dataclasses.replace(
        message,
        key=one_line(message.key, KEY_LIMIT),
        kind=_line(message.kind),
        status=_line(message.status),
        title=_line(message.title),
        summary=_line(message.summary),
        job_name=_line(message.job_name),
        queue=one_line(message.queue),
        thread=one_line(message.thread, KEY_LIMIT),
        facts=tuple(Fact(_line(fact.label, LABEL_LIMIT), _line(fact.value)) for fact in message.facts),
        failures=tuple(
            dataclasses.replace(
                group, reason=_line(group.reason), indexes=one_line(group.indexes), log=_link(group.log)
            )
            for group in message.failures[:GROUPS_LIMIT]
        ),
        notes=tuple(_line(note) for note in message.notes),
        links=tuple(link for link in map(_link, message.links) if link is not None),
        jobs=tuple(
            dataclasses.replace(job, title=_line(job.title), link=_link(job.link)) for job in message.jobs[:JOBS_LIMIT]
        ),
    )
    tidied = with_omission_note(tidied, len(message.jobs) - len(tidied.jobs), "jobs")
    return with_omission_note(tidied, len(message.failures) - len(tidied.failures), "groups of failures")


def with_omission_note(message: Message, count: int, what: str) -> Message:
    """The message, with a note that `count` of something did not fit, if any did not."""
    return message.with_note(f"{count:,} more {what} are left out.") if count else message


def as_text(message: Message) -> str:
    """A tidy message as plain text, for the channels and readers that show nothing else."""
    parts = [f"{message.title}\n{message.summary}"]
    if message.facts:
        parts.append("\n".join(f"{fact.label}: {fact.value}" for fact in message.facts))
    if message.jobs:
        parts.append("\n".join("\n  ".join(_lines_of_job(job)) for job in message.jobs))
    parts.extend("\n  ".join(_lines(group)) for group in message.failures)
    if message.notes:
        parts.append("\n".join(f"Note: {note}" for note in message.notes))
    if message.links:
        parts.append("\n".join(f"{link.label}:\n{link.url}" for link in message.links))
    return "\n\n".join(parts) + "\n"


def headline(group: FailureGroup) -> str:
    """Such as "3x Essential container in task exited (exit code 1)"; a single job's without "1x"."""
    exit_code = "" if group.exit_code is None else f" (exit code {group.exit_code})"
    times = f"{group.count:,}x " if group.indexes else ""
    return f"{times}{group.reason}{exit_code}"


def describe_children(group: FailureGroup) -> str:
    """Such as "children 2, 5, 8"; empty where the group names none, as for a single job."""
    return f"{'child' if group.count == 1 else 'children'} {group.indexes}" if group.indexes else ""


def describe_job(job: DigestEntry, limit: int = TEXT_LIMIT) -> str:
    """Such as "nightly failed: 3 of 7 children (may be a repeat)"; `limit` is the title's, in characters."""
    return cut(job.title, limit) + (" (may be a repeat)" if job.may_be_repeat else "")


def _lines_of_job(job: DigestEntry) -> list[str]:
    return [describe_job(job), f"{job.link.label}: {job.link.url}"] if job.link else [describe_job(job)]


def _lines(group: FailureGroup) -> list[str]:
    log = f"{group.log.label}: {group.log.url}" if group.log else ""
    return [line for line in (headline(group), describe_children(group), log) if line]


def _line(text: str, limit: int = TEXT_LIMIT) -> str:
    return one_line(text, limit) or EMPTY


def _link(link: Link | None) -> Link | None:
    if link is None or len(link.url) > LINK_LIMIT or not _WEB_ADDRESS.fullmatch(link.url):
        return None
    return Link(_line(link.label, LABEL_LIMIT), link.url)
