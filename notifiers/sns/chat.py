"""A message as a custom notification of Amazon Q Developer in chat applications, for Slack and Microsoft Teams.

Source: its administrator guide, "Custom notifications": `version`, `source` and `content.description` must be there,
all else may be. Its HTTPS subscription of the topic gets it. A text is markdown of whichever of the two the chat is, so
that none of a job's own may be any: see `_harmless`.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from batchbell.contract import FailureGroup, Message
from batchbell.texts import ICONS, cut, describe_children, describe_job, headline

TITLE_LIMIT = 150  # characters, as Slack's own headers
DESCRIPTION_LIMIT = 2_800  # characters: a section of Slack's takes 3,000
LINE_LIMIT = 300  # characters
STEPS_LIMIT = 5
# What may become a variable of a command that somebody made for the chat: names as AWS Batch takes them (AWS Batch API
# reference, SubmitJob and CreateJobQueue), and no others.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


def render_chat(message: Message) -> dict[str, Any]:
    """The notification for a tidy message. What does not fit is counted."""
    context = {"status": message.status, "job_name": message.job_name, "queue": message.queue}
    return {
        "version": "1.0",
        "source": "custom",
        "id": _digest(message.key),
        "content": {
            "textType": "client-markdown",
            "title": cut(f"{ICONS[message.severity]} {_harmless(message.title)}", TITLE_LIMIT),
            "description": _description(message),
            "nextSteps": [f"{_harmless(link.label)}: {link.url}" for link in message.links[:STEPS_LIMIT]],
        },
        "metadata": {
            "threadId": _digest(message.thread or message.key),
            "summary": cut(_harmless(message.title), TITLE_LIMIT),
            "eventType": f"batchbell-{_harmless(message.kind)}",
            "additionalContext": {name: value for name, value in context.items() if NAME.fullmatch(value)},
        },
    }


def _description(message: Message) -> str:
    """Notes first: the last lines are those that may be left out."""
    lines = [_line(message.summary)]
    lines += [_line(f"Note: {note}") for note in message.notes]
    lines += [_line(f"{fact.label}: {fact.value}") for fact in message.facts]
    lines += [_line(describe_job(job)) for job in message.jobs]
    lines += [_failure(group) for group in message.failures]
    kept: list[str] = []
    size = 0
    for number, line in enumerate(lines):
        size += len(line) + 1
        if size > DESCRIPTION_LIMIT:
            return "\n".join([*kept, f"… and {len(lines) - number:,} more"])
        kept.append(line)
    return "\n".join(kept)


def _failure(group: FailureGroup) -> str:
    log = f"{_harmless(group.log.label)}: {group.log.url}" if group.log else ""
    return "\n".join(line for line in (_line(headline(group)), _line(describe_children(group)), log) if line)


def _line(text: str) -> str:
    return cut(_harmless(text), LINE_LIMIT)


# Slack's <!channel>, <@U123> and <url|text>, Teams' [text](url) and both's @here become plain to see. What only
# changes how a word looks may stay: neither chat shows an escaped one as it was.
_LOOKALIKES = str.maketrans({"<": "\u2039", ">": "\u203a", "[": "(", "]": ")", "@": "\uff20"})


def _harmless(text: str) -> str:
    return text.translate(_LOOKALIKES)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
