"""Renders a message as a custom notification of Amazon Q Developer in chat applications, for Slack and Microsoft Teams.

Source: its administrator guide, "Custom notifications": `version`, `source` and `content.description` are required, all
else is optional. Amazon Q receives it through its HTTPS subscription to the topic. Texts are the chat's markdown, so
that a job's own texts must not hold any, neither Slack's nor Teams': see `_harmless`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from batchbell.contract import Command, FailureGroup, Message
from batchbell.texts import ICONS, cut, describe_children, describe_job, headline, last_lines, shorten

TITLE_LIMIT = 150  # characters, like Slack's own headers
DESCRIPTION_LIMIT = 2_800  # characters: a section in Slack allows 3,000
LINE_LIMIT = 300  # characters
FACTS_LIMIT = 1_000  # of these, for all facts
COMMANDS_LIMIT = 1_200  # … for all command lines
REST_SIZE = 20  # of the line that counts the rest
LOG_LIMIT = 500  # characters of a log's last lines
STEPS_LIMIT = 5
# Values that a chat's custom actions may insert into commands: only names that AWS Batch allows (AWS Batch API
# reference, SubmitJob and CreateJobQueue).
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


def render_chat(message: Message) -> dict[str, Any]:
    """Return the notification for a tidy message. Lines that do not fit are left out and counted."""
    context = {"status": message.status, "job_name": message.job_name, "queue": message.queue}
    return {
        "version": "1.0",
        "source": "custom",
        "id": _digest(message.key),
        "content": {
            "textType": "client-markdown",
            "title": shorten(f"{ICONS[message.severity]} {_harmless(message.title)}", TITLE_LIMIT),
            "description": _description(message),
            "nextSteps": [f"{_harmless(link.label)}: {link.url}" for link in message.links[:STEPS_LIMIT]],
        },
        "metadata": {
            "threadId": _digest(message.thread or message.key),
            "summary": shorten(_harmless(message.title), TITLE_LIMIT),
            "eventType": f"batchbell-{_harmless(message.kind)}",
            "additionalContext": {name: value for name, value in context.items() if NAME.fullmatch(value)},
        },
    }


def _description(message: Message) -> str:
    """Return the lines that fit: what failed leaves room for the facts below it."""
    top = [_line(message.summary), *(_line(f"Note: {note}") for note in message.notes)]
    facts = _fill([_line(f"{fact.label}: {fact.value}") for fact in message.facts], FACTS_LIMIT)
    commands = _fill([shown for command in message.commands if (shown := _command(command))], COMMANDS_LIMIT)
    failed = [_failure(group) for group in message.failures]
    failed += [_harmless(describe_job(job, LINE_LIMIT)) for job in message.jobs]
    bottom = [*commands, *facts]
    top = _fill(top, DESCRIPTION_LIMIT - _size(bottom))
    return "\n".join([*top, *_fill(failed, DESCRIPTION_LIMIT - _size([*top, *bottom])), *bottom])


def _fill(lines: Sequence[str], limit: int) -> list[str]:
    """Return the lines that fit into so many characters and, if some do not, one that counts the rest."""
    if _size(lines) <= limit:
        return list(lines)
    kept: list[str] = []
    for line in lines:
        if _size([*kept, line]) > limit - REST_SIZE:
            break
        kept.append(line)
    return [*kept, f"… and {len(lines) - len(kept):,} more"]


def _size(lines: Sequence[str]) -> int:
    return sum(len(line) + 1 for line in lines)


def _failure(group: FailureGroup) -> str:
    log = f"{_harmless(group.log.label)}: {group.log.url}" if group.log else ""
    ends = (f"| {line}" for line in last_lines(group.log_lines, LOG_LIMIT))
    lines = map(_line, (describe_children(group), group.meaning, *ends, group.log_problem))
    return "\n".join(filter(None, (_harmless(headline(group, LINE_LIMIT)), *lines, log)))


def _command(command: Command) -> str:
    """Return it as code; "" if the chat would not show it as it is, since somebody may run it."""
    if "`" in command.line or _harmless(command.line) != command.line:
        return ""
    return f"{_line(command.label)}: `{command.line}`"


def _line(text: str) -> str:
    return cut(_harmless(text), LINE_LIMIT)


# Disarms Slack's <!channel>, <@U123> and <url|text>, Teams' [text](url) and the @here of both. Emphasis stays, since
# neither chat shows an escaped character as it was.
_LOOKALIKES = str.maketrans({"<": "\u2039", ">": "\u203a", "[": "(", "]": ")", "@": "\uff20"})


def _harmless(text: str) -> str:
    return text.translate(_LOOKALIKES)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
