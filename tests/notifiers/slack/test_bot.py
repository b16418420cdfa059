"""The bot: threads, edits, and what each of Slack's errors means. Tried with a fake of Slack's Web API."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from batchbell.contract import Command, Message, PermanentError, Progress, Severity, TemporaryError
from batchbell.wire import MessageKind, Status
from batchbell_local.slack.web_api import POST, UPDATE, ApiResponse, SlackWebApi
from notifiers.slack.bot import Bot
from notifiers.slack.notifier import create
from notifiers.slack.web_api import api_problem, token_problem
from tests.notifiers.slack.conftest import Vault
from tests.notifiers.slack.payload import texts

TERMINATE = Command("To end the job", "aws batch terminate-job --job-id 1234 --reason 'a  b'")


@pytest.fixture
def slack() -> Iterator[SlackWebApi]:
    with SlackWebApi.start() as slack:
        yield slack


@pytest.fixture
def bot(slack: SlackWebApi) -> Bot:
    return make(slack)


def make(slack: SlackWebApi, *tokens: str, **settings: object) -> Bot:
    """Make a bot; `tokens` are those that the secret store gives one after the other."""
    secrets = {"token": Vault(*(tokens or (slack.token,))).secret}
    bot = create({"channel": slack.channel, "api": slack.url, **settings}, secrets)
    assert isinstance(bot, Bot)
    return bot


def running(finished: int, failed: int = 0) -> Message:
    return Message(
        key="arn#BOARD",
        kind=MessageKind.PROGRESS,
        status=Status.RUNNING,
        severity=Severity.INFO,
        title=f"nightly is running: {finished} of 240 done",
        summary="Array job on nightly-queue, about 2 h left",
        job_name="nightly",
        commands=(TERMINATE,),
        progress=Progress(240, finished, failed, min(240, finished + 40)),
    )


def warning(reply_to: str = "") -> Message:
    return dataclasses.replace(
        running(24, 9), kind=MessageKind.EARLY_FAILURES, status=Status.EARLY, key="arn#EARLY", reply_to=reply_to
    )


def shown_texts(message: object) -> str:
    return "\n".join([*texts(message, "plain_text"), *texts(message, "mrkdwn"), *texts(message, "text")])


def test_a_message_arrives_and_its_receipt_is_the_channel_and_its_ts(
    bot: Bot, slack: SlackWebApi, failed: Message
) -> None:
    receipt = bot.send(failed)
    (message,) = slack.messages
    assert failed.title in message.shown.text
    assert receipt == f"{slack.channel}:{message.ts}"
    assert len(receipt) <= 200


def test_replies_are_in_the_thread_and_the_outcome_is_shown_in_the_channel_too(
    bot: Bot, slack: SlackWebApi, failed: Message
) -> None:
    receipt = bot.send(running(0)) or ""
    bot.send(warning(receipt))
    bot.send(dataclasses.replace(failed, reply_to=receipt))
    first, *replies = slack.messages
    assert slack.history.replies(first) == replies
    assert [reply.is_broadcast for reply in replies] == [False, True]


def test_a_reply_whose_first_message_was_deleted_is_posted_into_the_channel(
    bot: Bot, slack: SlackWebApi, failed: Message
) -> None:
    receipt = bot.send(running(0)) or ""
    slack.history.delete(*receipt.split(":"))
    assert bot.send(dataclasses.replace(failed, reply_to=receipt))
    (message,) = slack.messages
    assert not message.thread_ts
    assert [call.error for call in slack.calls] == ["ok", "thread_not_found", "ok"]


@pytest.mark.parametrize(
    "error",
    ["thread_not_found", "message_not_found", "cannot_reply_to_message", "restricted_action_non_threadable_channel"],
)
def test_a_reply_that_slack_does_not_take_is_no_reply(
    bot: Bot, slack: SlackWebApi, failed: Message, error: str
) -> None:
    receipt = bot.send(running(0)) or ""
    slack.answer(POST, ApiResponse(error), times=1)
    bot.send(dataclasses.replace(failed, reply_to=receipt))
    assert not slack.messages[-1].thread_ts


@pytest.mark.parametrize("receipt", ["C0000000000:1700000000.000001", "anything", "C1:2\n", ""])
def test_a_receipt_of_another_channel_or_notifier_makes_no_thread(
    bot: Bot, slack: SlackWebApi, failed: Message, receipt: str
) -> None:
    bot.send(dataclasses.replace(failed, reply_to=receipt))
    (call,) = slack.calls
    assert (call.error, call.payload.get("thread_ts")) == ("ok", None)


def test_a_board_is_edited_until_it_shows_the_outcome(bot: Bot, slack: SlackWebApi, failed: Message) -> None:
    receipt = bot.send(dataclasses.replace(running(0), title="nightly: 240 children", progress=None)) or ""
    bot.update(running(120, 3), receipt)
    (message,) = slack.messages
    assert "██████████░░░░░░░░░░\n120 of 240 done, 3 failed, 40 running or starting" in shown_texts(
        message.shown.blocks
    )

    bot.update(dataclasses.replace(failed, kind=MessageKind.PROGRESS), receipt)
    (message,) = slack.messages
    assert failed.title in message.shown.text
    board = slack.history.board()
    assert (board.posts, board.edits) == (1, 2)
    assert failed.title in board.last


def test_an_edit_may_be_repeated_and_asks_slack_to_change_no_names(bot: Bot, slack: SlackWebApi) -> None:
    receipt = bot.send(running(0)) or ""
    for _ in range(2):
        bot.update(running(5), receipt)
    assert slack.messages[0].edits == 2
    assert slack.calls[-1].payload["parse"] == "none"


def test_a_board_mentions_nobody_and_the_outcome_its_owner(slack: SlackWebApi, failed: Message) -> None:
    bot = make(slack, mentions={"alice": ["U0123456789"], "RUNNING": ["U1"]}, mention_statuses=["FAILED"])
    owned = dataclasses.replace(failed, owner="alice")
    receipt = bot.send(dataclasses.replace(running(0), owner="alice")) or ""
    bot.update(dataclasses.replace(owned, kind=MessageKind.PROGRESS), receipt)
    assert "<@" not in shown_texts(slack.messages[0].shown.blocks)
    bot.send(owned)
    assert "<@U0123456789>" in shown_texts(slack.messages[1].shown.blocks)


def test_a_warning_shows_its_command_to_copy(bot: Bot, slack: SlackWebApi) -> None:
    bot.send(warning())
    lines = [block for block in slack.messages[0].shown.blocks if block["type"] == "rich_text"]
    assert TERMINATE.line in texts(lines, "text")


def test_a_board_has_no_command_so_that_an_outcome_without_one_can_replace_it(
    bot: Bot, slack: SlackWebApi, succeeded: Message
) -> None:
    receipt = bot.send(running(0)) or ""
    bot.update(running(240), receipt)
    bot.update(dataclasses.replace(succeeded, kind=MessageKind.PROGRESS), receipt)
    assert slack.messages[0].edits == 2


@pytest.mark.parametrize("error", ["edit_window_closed", "cant_update_message", "block_mismatch", "msg_too_long"])
def test_an_edit_that_slack_does_not_allow_is_refused_for_this_message_only(
    bot: Bot, slack: SlackWebApi, error: str
) -> None:
    receipt = bot.send(running(0)) or ""
    slack.answer(UPDATE, ApiResponse(error))
    with pytest.raises(PermanentError, match=error) as caught:
        bot.update(running(5), receipt)
    assert not caught.value.every_message


def test_an_edit_of_a_deleted_message_is_refused_and_posts_nothing(bot: Bot, slack: SlackWebApi) -> None:
    receipt = bot.send(running(0)) or ""
    slack.history.delete(*receipt.split(":"))
    with pytest.raises(PermanentError, match="message_not_found") as caught:
        bot.update(running(5), receipt)
    assert not caught.value.every_message
    assert slack.messages == []


@pytest.mark.parametrize("receipt", ["", "1700000000.000001", "C1 2.3", f"C1:{'1' * 300}.1"])
def test_a_receipt_that_is_not_slacks_is_refused(bot: Bot, slack: SlackWebApi, receipt: str) -> None:
    with pytest.raises(PermanentError, match="receipt"):
        bot.update(running(5), receipt)
    assert slack.calls == []


CHANNEL_ERRORS = ["channel_not_found", "not_in_channel", "is_archived", "restricted_action", "ekm_access_denied"]
TOKEN_ERRORS = ["invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope"]


@pytest.mark.parametrize("method", [POST, UPDATE])
@pytest.mark.parametrize("error", [*CHANNEL_ERRORS, *TOKEN_ERRORS])
def test_an_error_of_the_channel_or_the_token_is_about_every_message(
    bot: Bot, slack: SlackWebApi, error: str, method: str
) -> None:
    receipt = bot.send(running(0)) or ""
    slack.answer(method, ApiResponse(error))
    with pytest.raises(PermanentError, match=f"Slack answered 200 {error}") as caught:
        bot.send(running(0)) if method == POST else bot.update(running(5), receipt)
    assert caught.value.every_message
    assert not caught.value.maybe_delivered
    assert len(slack.calls) == 2


@pytest.mark.parametrize(
    ("response", "retry_after", "maybe_delivered"),
    [
        (ApiResponse("ratelimited", 429, 30), 30, False),
        (ApiResponse("ratelimited"), None, False),
        (ApiResponse("rate_limited"), None, False),
        (ApiResponse("service_unavailable", 503, 7), 7, False),
        (ApiResponse("team_added_to_org"), None, False),
        (ApiResponse("internal_error"), None, True),
        (ApiResponse("fatal_error", 500, executes=True), None, True),
        (ApiResponse(status=500), None, False),
        (ApiResponse(status=504), None, True),
        (ApiResponse(cut="before"), None, True),
    ],
)
def test_an_error_that_may_pass_is_temporary(
    bot: Bot,
    slack: SlackWebApi,
    failed: Message,
    response: ApiResponse,
    retry_after: float | None,
    maybe_delivered: bool,
) -> None:
    slack.answer(POST, response, times=1)
    with pytest.raises(TemporaryError) as caught:
        bot.send(failed)
    assert (caught.value.retry_after, caught.value.maybe_delivered) == (retry_after, maybe_delivered)
    assert bot.send(failed)


def test_an_unknown_error_is_about_this_message_only(bot: Bot, slack: SlackWebApi, failed: Message) -> None:
    slack.answer(POST, ApiResponse("an_error_of_next_year"))
    with pytest.raises(PermanentError, match="an_error_of_next_year") as caught:
        bot.send(failed)
    assert not caught.value.every_message
    assert not caught.value.maybe_delivered


def test_a_revoked_token_is_read_again_and_the_new_one_used_at_once(slack: SlackWebApi, failed: Message) -> None:
    old = slack.token
    new = slack.rotate_token()
    make(slack, old, new).send(failed)
    assert [call.error for call in slack.calls] == ["token_revoked", "ok"]


@pytest.mark.parametrize("api", ["https://slack.com/api", "https://slack-gov.com/api", "http://127.0.0.1:8080/api"])
def test_an_address_of_the_api_is_accepted(api: str) -> None:
    assert api_problem(api) is None


@pytest.mark.parametrize(
    "api",
    [
        "",
        "http://slack.com/api",
        "https://slack.com/api/",
        "https://slack.com.evil.com/api",
        "https://slack.com\\@evil.com/api",
        "https://evil.com/api",
        "https://slack.com/api\n",
        "http://127.0.0.1:80@evil.com/api",
    ],
)
def test_a_token_is_sent_to_no_other_address(slack: SlackWebApi, failed: Message, api: str) -> None:
    assert api_problem(api)
    with pytest.raises(PermanentError, match="address of Slack's API"):
        make(slack, api=api).send(failed)
    assert slack.calls == []


def test_a_token_is_sent_to_this_machine_only_while_aws_is_on_it(
    bot: Bot, slack: SlackWebApi, failed: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://sqs.eu-west-1.amazonaws.com")
    with pytest.raises(PermanentError, match="on this machine"):
        bot.send(failed)
    assert slack.calls == []


@pytest.mark.parametrize(
    "token",
    ["", "xoxp-1-2-SECRETSECRET", "xoxb-1\r\nX: SECRET", "xoxb-1-2-SECRET SECRET", " xoxb-1-2-SECRETSECRET", "xoxb-"],
)
def test_what_is_no_bot_token_is_refused_without_showing_it(token: str) -> None:
    problem = token_problem(token)
    assert problem
    assert "SECRET" not in problem


def test_more_posts_than_slack_takes_wait_as_long_as_it_asks(bot: Bot, slack: SlackWebApi, failed: Message) -> None:
    slack.limit(posts_at_once=2)
    for _ in range(2):
        bot.send(failed)
    with pytest.raises(TemporaryError) as caught:
        bot.send(failed)
    assert caught.value.retry_after == 1
