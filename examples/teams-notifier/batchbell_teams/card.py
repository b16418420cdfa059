"""Renders a message as an Adaptive Card, within the limits of Teams.

Texts are in TextRuns, which have no Markdown (Adaptive Cards' schema, TextRun), and not in TextBlocks or FactSets, in
which Teams interprets it ("Format cards in Teams").
"""

from __future__ import annotations

import dataclasses
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from batchbell.contract import Command, DigestEntry, Fact, FailureGroup, Link, Message, Severity
from batchbell.texts import cut, describe_children, describe_job, headline, last_lines, shorten, tidy

# Teams refuses more than 28 KB, and counts more than was sent: it counted 24,453 bytes as 28,897
# (MicrosoftDocs/msteams-docs#11274); others hit the limit at 21,000 (msteams_hermes, a Ruby gem).
PAYLOAD_LIMIT = 20_000  # bytes
TITLE_LIMIT = 600  # bytes as JSON, like the next ones
TEXT_LIMIT = 1_000
LABEL_LIMIT = 200
HEADLINE_LIMIT = 300  # characters
JOB_LIMIT = 400  # of a job's title
NAME_LIMIT = 90  # … if there are many
FACTS_LIMIT = 5_000  # of all facts
COMMAND_LIMIT = 1_500  # of a command line
COMMANDS_LIMIT = 3_000  # of all command lines
LOG_LIMIT = 1_500  # of the last lines of a log
ACTIONS_LIMIT = 5_000  # of all buttons
REST_SIZE = 200  # of the line that counts the omitted things
MANY_JOBS = 20
NOTES = 6  # the last ones, since delivery adds its notes at the end
BUTTONS = 6  # Teams shows so many in a row

STYLES = {  # an icon, since not everybody sees colours, and a colour of Adaptive Cards
    Severity.SUCCESS: ("✅", "Good"),
    Severity.FAILURE: ("❌", "Attention"),
    Severity.WARNING: ("⚠️", "Warning"),
    Severity.INFO: ("ℹ️", "Accent"),  # noqa: RUF001
}

Element = dict[str, Any]
Item = list[Element]  # the lines that show one thing, such as a group of failures


def render(message: Message) -> dict[str, Any]:
    """Return the webhook's payload. Items that do not fit are left out and counted."""
    message = tidy(message)
    icon, colour = STYLES[message.severity]
    title = _run(
        _short(f"{icon} {message.title}", TITLE_LIMIT, shorten),
        TITLE_LIMIT,
        size="Large",
        weight="Bolder",
        color=colour,
    )
    top = [_line(title), _line(_run(message.summary))]
    bottom = [_line(_run(note, isSubtle=True), spacing="Small") for note in message.notes[-NOTES:]]
    card: Element = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [*top, *bottom],
    }
    if actions := _buttons(message.links):
        card["actions"] = actions
    payload = {
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}],
    }
    facts = list(_fill([[_fact(fact)] for fact in message.facts], FACTS_LIMIT))
    commands = list(_fill([shown for command in message.commands if (shown := _command(command))], COMMANDS_LIMIT))
    room = PAYLOAD_LIMIT - REST_SIZE - _size(payload) - _size([*commands, *facts])
    failed = [_failure(group) for group in message.failures]
    jobs = [[job] for job in _jobs(message.jobs, room - _size(failed))]
    # What failed comes first, and leaves room for the facts.
    card["body"] = [*top, *_fill([*failed, *jobs], room), *commands, *facts, *bottom]
    return payload


def _fill(items: Sequence[Item], room: int) -> Iterator[Element]:
    """Yield the items that fit into `room` bytes and, if some do not, a line that counts the rest."""
    for number, item in enumerate(items):
        room -= _size(item)
        if room < 0:
            yield _line(_run(f"… and {len(items) - number:,} more", isSubtle=True))
            return
        yield from item


def _fact(fact: Fact) -> Element:
    return _line(_run(f"{fact.label}: ", LABEL_LIMIT, weight="Bolder"), _run(fact.value), spacing="Small")


def _command(command: Command) -> Item:
    """Return nothing for a command line that would not be shown as it is, since somebody may run it."""
    if _short(command.line, COMMAND_LIMIT) != command.line:
        return []
    label = _line(_run(f"{command.label}:", LABEL_LIMIT), spacing="Medium")
    return [label, _line(_run(command.line, COMMAND_LIMIT, fontType="Monospace"), spacing="None")]


def _failure(group: FailureGroup) -> list[Element]:
    indexes, log = describe_children(group), group.log
    details = [_run(indexes, isSubtle=True)] if indexes else []
    if log:
        details += [_run(" · ")] if indexes else []
        details += [_run(log.label, LABEL_LIMIT, selectAction=_open(log))]
    lines = [_line(_run(headline(group, HEADLINE_LIMIT)), spacing="Medium", separator=True)]
    lines += [_line(*details, spacing="Small")] if details else []
    lines += [_line(_run(text, isSubtle=True), spacing="Small") for text in (group.meaning, group.log_problem) if text]
    shown = last_lines(group.log_lines, LOG_LIMIT)
    return [*lines, *(_line(_run(line, fontType="Monospace", size="Small"), spacing="None") for line in shown)]


def _jobs(jobs: Sequence[DigestEntry], room: int) -> list[Element]:
    """Return a line for each job, and link as many as fit into `room` bytes, the failed ones first."""
    limit = JOB_LIMIT if len(jobs) <= MANY_JOBS else NAME_LIMIT

    def lines(linked: int) -> list[Element]:
        return [_job(job, limit, linked=number < linked) for number, job in enumerate(jobs)]

    fitting = bisect_right(range(len(jobs) + 1), room, key=lambda linked: _size(lines(linked))) - 1
    return lines(max(0, fitting))


def _job(job: DigestEntry, limit: int, *, linked: bool) -> Element:
    name = describe_job(dataclasses.replace(job, title=_short(job.title, limit, shorten)))
    if job.link and linked:
        return _line(f"{STYLES[job.severity][0]} ", _run(name, selectAction=_open(job.link)))
    return _line(_run(f"{STYLES[job.severity][0]} {name}"))


def _buttons(links: Sequence[Link]) -> list[Element]:
    actions: list[Element] = []
    for link in links:
        action = {**_open(link), "title": _short(link.label, LABEL_LIMIT)}
        if len(actions) < BUTTONS and _size([*actions, action]) <= ACTIONS_LIMIT:
            actions.append(action)
    return actions


def _open(link: Link) -> Element:
    return {"type": "Action.OpenUrl", "url": link.url}


def _line(*runs: Any, **layout: Any) -> Element:
    return {"type": "RichTextBlock", "inlines": list(runs), **layout}


def _run(text: str, limit: int = TEXT_LIMIT, **style: Any) -> Element | str:
    """Return a run of text. Without a style, it is a plain string, which is shorter and means the same."""
    text = _short(text, limit)
    return {"type": "TextRun", "text": text, **style} if style else text


def _short(text: str, limit: int, cutting: Callable[[str, int], str] = cut) -> str:
    """Cut a text to `limit` bytes as JSON, and break functions that a TextRun would expand.

    These are {{DATE(…)}} and {{TIME(…)}}, which allow no space between the braces (Adaptive Cards, "Text features").

    cutting: `cut`, or for titles `shorten`, which keeps the outcome.
    """
    text = re.sub(r"{(?={)", "{ ", text)
    if _size(text) <= limit:
        return text
    fitting = bisect_right(range(1, len(text) + 1), limit, key=lambda length: _size(cutting(text, length)))
    return cutting(text, fitting)


def _size(value: Any) -> int:
    """Return the size in bytes as JSON."""
    return len(json.dumps(value))
