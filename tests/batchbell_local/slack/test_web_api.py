"""The fake of Slack's Web API, called as Slack documents it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from batchbell_local.slack.web_api import POST, UPDATE, ApiResponse, SlackWebApi

RICH = [
    {
        "type": "rich_text",
        "elements": [{"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "aws"}]}],
    }
]


@pytest.fixture
def slack() -> Iterator[SlackWebApi]:
    with SlackWebApi.start() as slack:
        yield slack


def call(slack: SlackWebApi, method: str, token: str | None = None, **arguments: Any) -> dict[str, Any]:
    response = raw_call(slack, method, token, **arguments)
    answer: dict[str, Any] = response.json()
    return answer


def raw_call(slack: SlackWebApi, method: str, token: str | None = None, **arguments: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {token or slack.token}"}
    payload = {"channel": slack.channel, "text": "done"} | arguments
    return requests.post(f"{slack.url}/{method}", json=payload, headers=headers, timeout=60)


def test_a_post_is_answered_with_the_channel_and_a_ts_that_grows(slack: SlackWebApi) -> None:
    answers = [call(slack, POST) for _ in range(20)]
    stamps = [answer["ts"] for answer in answers]
    assert all(answer["ok"] and answer["channel"] == slack.channel for answer in answers)
    assert sorted(set(stamps)) == stamps == [message.ts for message in slack.messages]


def test_posts_at_once_have_different_ts(slack: SlackWebApi) -> None:
    threads = [threading.Thread(target=call, args=(slack, POST)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({message.ts for message in slack.messages}) == 16


def test_a_thread_holds_its_replies_and_a_broadcast_one_is_marked(slack: SlackWebApi) -> None:
    ts = call(slack, POST)["ts"]
    call(slack, POST, thread_ts=ts)
    call(slack, POST, thread_ts=ts, reply_broadcast=True)
    first, *replies = slack.messages
    assert slack.history.replies(first) == replies
    assert [reply.is_broadcast for reply in replies] == [False, True]
    assert call(slack, POST, thread_ts=replies[0].ts)["error"] == "thread_not_found"


def test_an_edit_keeps_what_was_shown_before(slack: SlackWebApi) -> None:
    ts = call(slack, POST, text="one")["ts"]
    for text in ("two", "three"):
        assert call(slack, UPDATE, ts=ts, text=text)["ts"] == ts
    (message,) = slack.messages
    assert [content.text for content in (*message.before, message.shown)] == ["one", "two", "three"]
    board = slack.history.board()
    assert (board.posts, board.edits, board.last) == (1, 2, "three")


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        (POST, {"channel": "C0"}, "channel_not_found"),
        (POST, {"text": ""}, "no_text"),
        (POST, {"thread_ts": "1.000001"}, "thread_not_found"),
        (POST, {"blocks": [{"type": "section"}]}, "invalid_blocks"),
        (POST, {"blocks": [{"type": "markdown", "text": "x" * 13_200}]}, "msg_blocks_too_long"),
        (POST, {"token": "xoxb-of-somebody"}, "invalid_auth"),
        (UPDATE, {"ts": "1.000001"}, "message_not_found"),
        ("chat.delete", {}, "unknown_method"),
    ],
)
def test_a_wrong_call_is_refused_with_slacks_error_and_changes_nothing(
    slack: SlackWebApi, method: str, arguments: dict[str, Any], error: str
) -> None:
    response = raw_call(slack, method, **arguments)
    assert (response.status_code, response.json()) == (200, {"ok": False, "error": error})
    assert slack.messages == []


def test_rich_text_is_not_replaced_by_other_blocks(slack: SlackWebApi) -> None:
    ts = call(slack, POST, blocks=RICH)["ts"]
    assert call(slack, UPDATE, ts=ts)["error"] == "block_mismatch"
    assert call(slack, UPDATE, ts=ts, blocks=RICH)["ok"]


def test_a_rotated_token_is_revoked(slack: SlackWebApi) -> None:
    old, new = slack.token, slack.rotate_token()
    assert call(slack, POST, old)["error"] == "token_revoked"
    assert call(slack, POST, new)["ok"]


def test_a_token_or_channel_that_is_refused_may_be_accepted_again(slack: SlackWebApi) -> None:
    for refuse, error in ((slack.refuse_token, "missing_scope"), (slack.refuse_channel, "is_archived")):
        refuse(error)
        assert call(slack, POST)["error"] == error
        refuse("")
        assert call(slack, POST)["ok"]


def test_posts_and_edits_have_limits_of_their_own(slack: SlackWebApi) -> None:
    slack.limit(posts_per_second=0.001, posts_at_once=1, edits_per_minute=0.06, edits_at_once=2)
    ts = call(slack, POST)["ts"]
    response = raw_call(slack, POST)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "1")
    assert response.json() == {"ok": False, "error": "ratelimited"}
    assert [call(slack, UPDATE, ts=ts)["ok"] for _ in range(3)] == [True, True, False]


def test_a_fault_hits_its_own_method_and_so_many_calls(slack: SlackWebApi) -> None:
    slack.answer(UPDATE, ApiResponse("internal_error"), times=1)
    ts = call(slack, POST)["ts"]
    assert [call(slack, UPDATE, ts=ts)["ok"] for _ in range(2)] == [False, True]


def test_the_answer_of_an_executed_call_can_be_lost(slack: SlackWebApi) -> None:
    slack.answer(POST, ApiResponse(cut="before"), times=1)
    with pytest.raises(requests.ConnectionError):
        call(slack, POST)
    assert len(slack.messages) == 1


def test_an_error_may_follow_the_execution(slack: SlackWebApi) -> None:
    slack.answer(POST, ApiResponse("fatal_error", executes=True), times=1)
    assert call(slack, POST)["error"] == "fatal_error"
    assert len(slack.messages) == 1


def test_a_server_error_executes_nothing_and_is_no_json(slack: SlackWebApi) -> None:
    slack.answer_with(lambda method, payload: ApiResponse(status=503, retry_after=3))
    response = raw_call(slack, POST)
    assert (response.status_code, response.text, response.headers["Retry-After"]) == (503, "", "3")
    assert slack.messages == []


def test_a_message_is_awaited(slack: SlackWebApi) -> None:
    threading.Timer(0.05, call, args=(slack, POST)).start()
    (message,) = slack.wait_until(lambda messages: len(messages) == 1)
    assert message.shown.text == "done"
    with pytest.raises(TimeoutError, match="answered so far"):
        slack.wait_until(lambda messages: len(messages) == 2, timeout=0.05)
