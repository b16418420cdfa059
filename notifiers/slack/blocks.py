"""Renders a message as Slack's JSON, within Slack's limits. Source: Slack's Block Kit reference.

The limits are those of blocks, so that they hold for webhooks and for chat.postMessage and chat.update alike; both take
40,000 characters of text ("chat.postMessage").

Texts of jobs are in plain_text, in which Slack interprets no markup; only labels and links are mrkdwn.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from batchbell.contract import DigestEntry, Fact, FailureGroup, Message, Severity
from batchbell.texts import ICONS, cut, describe_children, describe_job, headline, shorten, tidy

from .running import command_block, progress_block

HEADER_LIMIT = 150  # characters, like the next ones
SECTION_LIMIT = 3_000
FIELD_LIMIT = 2_000
BUTTON_LIMIT = 75  # of a button's text
BUTTONS_LIMIT = 2_000  # of all buttons as JSON, to leave room for other blocks
VALUE_LIMIT = 300  # Slack allows 2,000; readers do not read more
NAME_LIMIT = 64  # of a job's title if there are many: most names are shorter
NOTES_LIMIT = 10  # elements of a context block
FACTS_IN_SECTION = 5  # two fields each; a section allows ten
BLOCK_LIMIT = 50
BLOCKS_LIMIT = 10_500  # characters of all blocks as JSON; Slack refuses from about 13,200 on (slackapi/bolt-js#2509)
COMMANDS_LIMIT = 3_000  # of these, for all command lines
COMMANDS_NUMBER = 10
FACTS_LIMIT = 6_000  # of these, for all facts and what is always shown
MENTIONS_LIMIT = 1_000  # characters of all mentions, to leave room for other blocks
LOG_LIMIT = 2_000  # characters of a log's last lines as JSON
LOG_LEAST = 500  # of these, however many groups there are: the logs are of the largest ones
LOG_FRAME = 150  # characters as JSON of the block around them
REST_SIZE = 120  # characters as JSON of the block that counts the omitted things

Block = dict[str, Any]
CountedBlock = tuple[Block, int]  # a block, and how many things it shows


def render(message: Message, mentions: Sequence[str] = ()) -> dict[str, Any]:
    """Return the payload: the outcome, what failed, the facts, the links. Blocks that do not fit are counted.

    mentions: in Slack's markup, such as <@U0123456789>
    """
    message = tidy(message)
    title = shorten(f"{ICONS[message.severity]} {message.title}", HEADER_LIMIT)
    summary = cut(message.summary, VALUE_LIMIT)
    top: list[Block] = [{"type": "header", "text": _plain(title)}, {"type": "section", "text": _plain(summary)}]
    if message.progress:
        top.append(progress_block(message.progress))
    if mentions:
        top.append({"type": "section", "text": _markup(_mentioned(mentions))})
    # Delivery adds its notes at the end, such as "may be a repeat".
    notes = [_plain(cut(note, VALUE_LIMIT)) for note in message.notes[-NOTES_LIMIT:]]
    # A command line is whole or left out, and then counted.
    bottom = _fill([(command_block(one), 1) for one in message.commands], [], COMMANDS_LIMIT, COMMANDS_NUMBER)
    bottom.extend([{"type": "context", "elements": notes}] if notes else [])
    if buttons := _buttons(message):
        bottom.append({"type": "actions", "elements": buttons})

    facts = [
        (_facts_section(message.facts[start : start + FACTS_IN_SECTION]), len(message.facts[start:][:FACTS_IN_SECTION]))
        for start in range(0, len(message.facts), FACTS_IN_SECTION)
    ]
    # What failed comes first, and leaves room for the facts, unless there are far more than this program writes.
    bottom = [*_fill(facts, [*top, *bottom], FACTS_LIMIT, BLOCK_LIMIT // 2), *bottom]
    room = BLOCKS_LIMIT - REST_SIZE - _size([*top, *bottom])
    middle = _job_sections(message.jobs, room)
    middle.extend(_failure_blocks(message.failures, room))
    return {
        "text": escape(f"{title}\n{summary}"),  # for notifications and screen readers
        "blocks": [*top, *_fill(middle, [*top, *bottom]), *bottom],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def escape(text: str) -> str:
    """Escape the three characters that mrkdwn requires (Slack: "Formatting text for app surfaces")."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _mentioned(mentions: Sequence[str]) -> str:
    """Return the first of the mentions, as many as fit, since Slack refuses a message with a section that is too long.

    A mention that is cut would be shown as text.
    """
    shown = ""
    for mention in mentions:
        longer = _join(" ", shown, mention)
        if len(longer) > MENTIONS_LIMIT:
            return f"{shown} …"
        shown = longer
    return shown


def _fill(
    middle: Sequence[CountedBlock], others: Sequence[Block], limit: int = BLOCKS_LIMIT, number_limit: int = BLOCK_LIMIT
) -> list[Block]:
    """Return the blocks that fit beside the others and, if some do not, one that counts the rest.

    limit: characters of all blocks as JSON.
    number_limit: of all blocks.
    """
    blocks: list[Block] = []
    size = _size(others) + REST_SIZE
    for number, (block, _) in enumerate(middle):
        size += _size(block) + len(", ")
        if size > limit or len(others) + len(blocks) + 1 >= number_limit:
            rest = sum(count for _, count in middle[number:])
            return [*blocks, {"type": "context", "elements": [_plain(f"… and {rest:,} more")]}]
        blocks.append(block)
    return blocks


def _facts_section(facts: Sequence[Fact]) -> Block:
    fields = [[_markup(f"*{escape(fact.label)}*"), _plain(cut(fact.value, VALUE_LIMIT))] for fact in facts]
    return {"type": "section", "fields": [field for pair in fields for field in pair]}


def _failure_section(group: FailureGroup) -> Block:
    lines = (headline(group, VALUE_LIMIT), describe_children(group), group.meaning, group.log_problem)
    section: Block = {"type": "section", "text": _plain(_join("\n", *(cut(line, VALUE_LIMIT) for line in lines)))}
    if group.log and len(link := _link(group.log.label, group.log.url)) <= FIELD_LIMIT:
        section["fields"] = [_markup(link)]
    return section


def _log_block(lines: Sequence[str]) -> Block:
    """Return the lines as they are: Slack interprets nothing in a text element of a rich_text block."""
    text = {"type": "text", "text": "\n".join(lines)}
    return {"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "elements": [text]}]}


def _failure_blocks(groups: Sequence[FailureGroup], room: int) -> list[CountedBlock]:
    """Return a section per group, and below it the last lines of its log, of which as many are shown as fit.

    room: characters as JSON.
    """
    sections = [_failure_section(group) for group in groups]
    logged = sum(1 for group in groups if group.log_lines)
    left = max((room - _size(sections)) // logged - LOG_FRAME, LOG_LEAST) if logged else 0
    blocks: list[CountedBlock] = []
    for group, section in zip(groups, sections, strict=True):
        blocks.append((section, 1))
        # As JSON, a line may take more characters than it has.
        lines = list(group.log_lines)
        while lines and _size("\n".join(lines)) > min(left, LOG_LIMIT):
            lines.pop(0)
        if lines:
            blocks.append((_log_block(lines), 0))
    return blocks


def _job_sections(jobs: Sequence[DigestEntry], room: int) -> list[CountedBlock]:
    """List all jobs, and link as many as fit, the failed ones first.

    Titles are shortened if they would otherwise leave no room for the link of each failed job.

    room: characters as JSON.
    """
    failed = sum(job.severity is Severity.FAILURE for job in jobs)
    linked = _count_links(jobs, VALUE_LIMIT, room)
    if linked >= failed:
        return _list_jobs(jobs, VALUE_LIMIT, linked)
    return _list_jobs(jobs, NAME_LIMIT, max(0, _count_links(jobs, NAME_LIMIT, room)))


def _count_links(jobs: Sequence[DigestEntry], limit: int, room: int) -> int:
    """Return how many links fit beside all titles; -1 if not even the titles fit."""

    def size(linked: int) -> int:
        return _size([block for block, _ in _list_jobs(jobs, limit, linked)])

    return bisect_right(range(len(jobs) + 1), room, key=size) - 1


def _list_jobs(jobs: Sequence[DigestEntry], limit: int, linked: int) -> list[CountedBlock]:
    """Return sections with one line per job.

    limit: characters of a title.
    linked: how many jobs have a number, which is a link below the lines, since plain_text cannot hold links.
    """
    sections = [("", "", 0)]  # lines, links, number of jobs
    for number, job in enumerate(jobs, 1):
        link = _link(str(number), job.link.url) if job.link and number <= linked else ""
        if len(link) > VALUE_LIMIT:
            link = ""
        name = _join(". ", str(number) if link else "", describe_job(job, limit))
        line = f"{ICONS[job.severity]} {name}"
        lines, links, count = sections[-1]
        longer = (_join("\n", lines, line), _join(" · ", links, link), count + 1)
        if len(longer[0]) > SECTION_LIMIT or len(longer[1]) > FIELD_LIMIT:
            sections.append((line, link, 1))
        else:
            sections[-1] = longer
    return [(_job_section(lines, links), count) for lines, links, count in sections if count]


def _job_section(lines: str, links: str) -> Block:
    section: Block = {"type": "section", "text": _plain(lines)}
    return {**section, "fields": [_markup(links)]} if links else section


def _buttons(message: Message) -> list[Block]:
    """Return a button per link, as many as fit.

    A click opens the URL, on any webhook. If no app responds to the click, Slack shows the user a warning sign beside
    the button (slackapi/node-slack-sdk#869, slackapi/slack-github-action#513).
    """
    buttons: list[Block] = []
    for number, link in enumerate(message.links, 1):
        text = _plain(cut(link.label, BUTTON_LIMIT))
        button = {"type": "button", "text": text, "url": link.url, "action_id": f"link-{number}"}
        if _size([*buttons, button]) <= BUTTONS_LIMIT:
            buttons.append(button)
    return buttons


def _link(label: str, url: str) -> str:
    return f"<{escape(url)}|{escape(label)}>"


def _join(between: str, *texts: str) -> str:
    return between.join(text for text in texts if text)


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def _markup(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False))
