"""Audits the live messages of a chaos run: at most one for a job, which goes forward only and ends with the job."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from batchbell_local.slack.channel_history import SlackMessage
from demo.chaos.dead_letters import JOB_NAME

OPENING = "how far it is follows here"
WAITS = "waits in its queue"
RUNNING = re.compile(r"is running: ([\d,]+) of [\d,]+ done")
ENDED = (3, 0)


@dataclass(frozen=True)
class Boards:
    """`posts`: how many live messages there are. `edits`: how often they were edited. `wrong`: what must not be."""

    posts: int
    edits: int
    wrong: Sequence[str]


def is_board(message: SlackMessage) -> bool:
    """Whether the message began as a live one."""
    return OPENING in (*message.before, message.shown)[0].text


def audit_boards(messages: Sequence[SlackMessage], ended: Collection[str]) -> Boards:
    """Look at every state that a live message ever showed.

    ended: names of the jobs whose outcome the channel has.
    """
    boards = [message for message in messages if is_board(message)]
    numbers = Counter(_job(board) for board in boards)
    wrong = [f"{number} live messages for {job}" for job, number in numbers.items() if number > 1]
    wrong += [f"the live message of {_job(board)} went back" for board in boards if _goes_back(board)]
    wrong += [
        f"the live message of {_job(board)} still says that it runs"
        for board in boards
        if _job(board) in ended and (0, 0) < _state(board.shown.text) < ENDED
    ]
    return Boards(len(boards), sum(board.edits for board in boards), wrong)


def _job(board: SlackMessage) -> str:
    found = JOB_NAME.search((*board.before, board.shown)[0].text)
    return found[0] if found else "an unknown job"


def _goes_back(board: SlackMessage) -> bool:
    states = list(_states(board))
    return states != sorted(states)


def _states(board: SlackMessage) -> Iterator[tuple[int, int]]:
    return (_state(content.text) for content in (*board.before, board.shown))


def _state(text: str) -> tuple[int, int]:
    """How far the text says that the job is, in an order that only grows."""
    if OPENING in text:
        return 0, 0
    if WAITS in text:
        return 1, 0
    running = RUNNING.search(text)
    return (2, int(running[1].replace(",", ""))) if running else ENDED
