"""A message as an Adaptive Card, within what Teams takes.

Texts stand in TextRuns, where there is no Markdown (Adaptive Cards' schema, TextRun), and not in TextBlocks or
FactSets, where Teams reads it ("Format cards in Teams").
"""

from __future__ import annotations

import dataclasses
import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

from batchbell.contract import DigestEntry, Fact, FailureGroup, Link, Message, Severity
from batchbell.texts import cut, describe_children, describe_job, headline, tidy

# Teams refuses more than 28 KB, and counts more than was sent: 24,453 bytes came to it as 28,897
# (MicrosoftDocs/msteams-docs#11274); others met the limit at 21,000 (msteams_hermes, a Ruby gem).
PAYLOAD_LIMIT = 20_000  # bytes
TITLE_LIMIT = 600  # bytes as JSON, as are the next ones
TEXT_LIMIT = 1_000
LABEL_LIMIT = 200
JOB_LIMIT = 400  # of a job's title
NAME_LIMIT = 90  # … where there are many
ACTIONS_LIMIT = 5_000  # of all buttons
REST_SIZE = 200  # of the line that counts what did not fit
MANY_JOBS = 20
NOTES = 6  # the last ones are those that delivery added
BUTTONS = 6  # as many as Teams shows in a row

LOOKS = {  # an icon, since colours alone say nothing to some; a colour of Adaptive Cards
    Severity.SUCCESS: ("✅", "Good"),
    Severity.FAILURE: ("❌", "Attention"),
    Severity.WARNING: ("⚠️", "Warning"),
    Severity.INFO: ("ℹ️", "Accent"),  # noqa: RUF001
}

Element = dict[str, Any]
Piece = list[Element]  # what stays together, and tells one thing


def render(message: Message) -> dict[str, Any]:
    """The payload of the webhook. What does not fit is counted."""
    message = tidy(message)
    icon, colour = LOOKS[message.severity]
    title = _run(f"{icon} {message.title}", TITLE_LIMIT, size="Large", weight="Bolder", color=colour)
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
    others = [*([_fact(fact)] for fact in message.facts), *(_failure(group) for group in message.failures)]
    room = PAYLOAD_LIMIT - REST_SIZE - _size(payload)
    jobs = _jobs(message.jobs, room - _size(others))
    card["body"] = [*top, *_fill([*others, *([job] for job in jobs)], room), *bottom]
    return payload


def _fill(pieces: Sequence[Piece], room: int) -> Iterator[Element]:
    """The pieces that fit into `room` bytes, and, if that is not all of them, a line that counts the rest."""
    for number, piece in enumerate(pieces):
        room -= _size(piece)
        if room < 0:
            yield _line(_run(f"… and {len(pieces) - number:,} more", isSubtle=True))
            return
        yield from piece


def _fact(fact: Fact) -> Element:
    return _line(_run(f"{fact.label}: ", LABEL_LIMIT, weight="Bolder"), _run(fact.value), spacing="Small")


def _failure(group: FailureGroup) -> list[Element]:
    indexes, log = describe_children(group), group.log
    details = [_run(indexes, isSubtle=True)] if indexes else []
    if log:
        details += [_run(" · ")] if indexes else []
        details += [_run(log.label, LABEL_LIMIT, selectAction=_open(log))]
    lines = [_line(_run(headline(group)), spacing="Medium", separator=True)]
    return [*lines, _line(*details, spacing="Small")] if details else lines


def _jobs(jobs: Sequence[DigestEntry], room: int) -> list[Element]:
    """A line for each job, and links for as many as `room` bytes hold, from the first on: the failed ones."""
    limit = JOB_LIMIT if len(jobs) <= MANY_JOBS else NAME_LIMIT

    def lines(linked: int) -> list[Element]:
        return [_job(job, limit, linked=number < linked) for number, job in enumerate(jobs)]

    fitting = bisect_right(range(len(jobs) + 1), room, key=lambda linked: _size(lines(linked))) - 1
    return lines(max(0, fitting))


def _job(job: DigestEntry, limit: int, *, linked: bool) -> Element:
    name = describe_job(dataclasses.replace(job, title=_short(job.title, limit)))
    if job.link and linked:
        return _line(f"{LOOKS[job.severity][0]} ", _run(name, selectAction=_open(job.link)))
    return _line(_run(f"{LOOKS[job.severity][0]} {name}"))


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
    """A run of text; without any style the text alone, which is the same to a card and shorter."""
    text = _short(text, limit)
    return {"type": "TextRun", "text": text, **style} if style else text


def _short(text: str, limit: int) -> str:
    """The text, at most `limit` bytes as JSON, and without the one thing that a TextRun expands: {{DATE(…)}} and
    {{TIME(…)}}, which take no space between the braces (Adaptive Cards, "Text features")."""
    text = re.sub(r"{(?={)", "{ ", text)
    return cut(text, _fitting(text, limit))


def _fitting(text: str, limit: int) -> int:
    """To how many characters the text must be cut to take at most `limit` bytes as JSON."""
    return bisect_right(range(1, len(text) + 1), limit, key=lambda length: _size(cut(text, length)))


def _size(value: Any) -> int:
    """Bytes as JSON, as it is sent."""
    return len(json.dumps(value))
