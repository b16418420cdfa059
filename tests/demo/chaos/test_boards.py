from __future__ import annotations

from batchbell_local.slack.channel_history import Content, SlackMessage
from demo.chaos.boards import audit_boards, is_board

OPENED = "chaos-0001: 8 children, how far it is follows here"
WAITS = "chaos-0001 waits in its queue: none of 8 children has started"
FAILED = "chaos-0001 failed: 2 of 8 children"
TOLD = {"chaos-0001"}


def running(done: int) -> str:
    return f"chaos-0001 is running: {done} of 8 done"


def message(*texts: str, ts: str = "1.0") -> SlackMessage:
    """A message that showed these texts, one after the other."""
    *before, shown = (Content(text) for text in texts)
    return SlackMessage("C1", ts, shown, before=tuple(before))


def wrong(*messages: SlackMessage, told: set[str] = TOLD) -> list[str]:
    return list(audit_boards(messages, told).wrong)


def test_a_live_message_that_follows_its_job_to_the_end_is_right() -> None:
    followed = message(OPENED, WAITS, running(0), running(2), running(2), running(7), FAILED, FAILED)
    found = audit_boards([followed, message(FAILED, ts="2.0")], TOLD)

    assert (found.posts, found.edits, found.wrong) == (1, 7, [])
    assert not is_board(message(FAILED))


def test_a_live_message_may_stay_as_it_was_opened() -> None:
    assert wrong(message(OPENED)) == []


def test_a_second_live_message_is_found() -> None:
    assert wrong(message(OPENED), message(OPENED, ts="2.0")) == ["2 live messages for chaos-0001"]


def test_a_live_message_that_goes_back_is_found() -> None:
    back = ["the live message of chaos-0001 went back"]

    assert wrong(message(OPENED, running(3), running(2), FAILED)) == back
    assert wrong(message(OPENED, FAILED, running(7), FAILED)) == back
    assert wrong(message(OPENED, running(1), WAITS, FAILED)) == back


def test_a_live_message_that_says_running_of_a_job_whose_outcome_was_sent_is_found() -> None:
    left = ["the live message of chaos-0001 still says that it runs"]

    assert wrong(message(OPENED, running(3))) == left
    assert wrong(message(OPENED, WAITS)) == left
    assert wrong(message(OPENED, running(3)), told=set()) == []
