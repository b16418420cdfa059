"""Whom a message mentions: the settings decide, never the job's own texts."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import pytest

from batchbell.contract import DigestEntry, Message, Secret, Severity, Tag
from notifiers.slack.mentions import Mentions
from notifiers.slack.notifier import create

IDS = {"alice": ["U0123456789"], "bob": ["W0123456789", "S0000000001"], "SUCCEEDED": ["S0123456789"]}


def mentioned(message: Message, **settings: object) -> list[str]:
    return Mentions(IDS, **settings).of(message)  # type: ignore[arg-type]


def test_a_failure_mentions_its_owner_and_each_id_once(failed: Message) -> None:
    owned = dataclasses.replace(failed, owner="bob", tags=(Tag("owner", "bob"), Tag("team", "alice")))

    assert mentioned(owned) == ["<@W0123456789>", "<!subteam^S0000000001>"]


def test_without_an_owner_any_tag_counts(failed: Message) -> None:
    assert mentioned(dataclasses.replace(failed, tags=(Tag("team", "alice"),))) == ["<@U0123456789>"]


def test_a_success_mentions_nobody_but_whom_its_status_names(succeeded: Message) -> None:
    owned = dataclasses.replace(succeeded, owner="alice")

    assert mentioned(owned) == ["<!subteam^S0123456789>"]
    assert mentioned(owned, statuses=("SUCCEEDED",)) == ["<@U0123456789>", "<!subteam^S0123456789>"]


@pytest.mark.parametrize("owner", ["<@U999>", "<!channel>", "", "Alice", "FAILED", "alice ", "SUCCEEDED"])
def test_what_the_settings_do_not_name_mentions_nobody(failed: Message, owner: str) -> None:
    assert mentioned(dataclasses.replace(failed, owner=owner)) == []


def test_a_digest_mentions_the_owners_of_failed_jobs_up_to_ten_jobs(digest: Callable[..., Message]) -> None:
    entries = [
        DigestEntry("one failed", Severity.FAILURE, owner="alice"),
        DigestEntry("two succeeded", Severity.SUCCESS, owner="bob"),
    ]
    message = digest(1, 1)

    small = dataclasses.replace(message, jobs=tuple(entries * 5))
    assert mentioned(small) == ["<@U0123456789>", "<!subteam^S0123456789>"]
    assert mentioned(dataclasses.replace(message, jobs=(*small.jobs, entries[0]))) == []


def test_the_mention_stands_below_the_outcome(failed: Message) -> None:
    secrets = {"webhook": Secret("webhook", lambda fresh: "never read")}
    slack = create({"mentions": {"alice": ["U0123456789"]}, "mention_statuses": ["FAILED"]}, secrets)
    payload = slack.render(dataclasses.replace(failed, owner="alice"))

    assert payload["blocks"][2]["text"]["text"] == "<@U0123456789>"
    assert "<@" not in json.dumps(slack.render(failed))


def test_more_mentions_than_slack_takes_are_left_out_whole(failed: Message) -> None:
    ids = [f"U{number:010}" for number in range(300)]
    secrets = {"webhook": Secret("webhook", lambda fresh: "never read")}
    slack = create({"mentions": {"alice": ids}, "mention_statuses": ["FAILED"]}, secrets)
    blocks = slack.render(dataclasses.replace(failed, owner="alice"))["blocks"]

    assert all(len(block.get("text", {}).get("text", "")) <= 3_000 for block in blocks)
    assert len(json.dumps(blocks)) <= 10_000
    shown = blocks[2]["text"]["text"].split(" ")
    assert shown[:-1] == [f"<@{one}>" for one in ids[: len(shown) - 1]]
    assert shown[-1] == "…"
    assert [block for block in blocks if "fields" in block], "the facts are shown"
