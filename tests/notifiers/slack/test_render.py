"""The payload for Slack: within its limits, and harmless whatever the texts of a job."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from slack_sdk.models.blocks import Block

from batchbell.contract import Command, Fact, Link, Message, Progress, Secret
from batchbell_local.slack.webhook_rules import find_violation
from notifiers.slack.blocks import BLOCKS_LIMIT
from notifiers.slack.notifier import create
from tests.notifiers.slack.payload import texts


def render(message: Message) -> dict[str, Any]:
    payload = create({}, {"webhook": Secret("webhook", lambda fresh: "never read")}).render(message)
    assert find_violation("POST", "application/json", json.dumps(payload).encode()) == ""
    assert len(json.dumps(payload["blocks"], ensure_ascii=False)) <= BLOCKS_LIMIT
    json.dumps(payload, ensure_ascii=False).encode()
    for block in payload["blocks"]:  # Slack's own models: they raise SlackObjectFormationError
        model = Block.parse(block)
        assert model is not None and model.to_dict() == block
    return payload


def buttons(payload: dict[str, Any]) -> list[dict[str, Any]]:
    return [element for block in payload["blocks"] if block["type"] == "actions" for element in block["elements"]]


def test_a_reader_finds_everything(failed: Message) -> None:
    payload = render(failed)
    shown = "\n".join([*texts(payload, "plain_text"), *texts(payload, "mrkdwn")])
    assert payload["text"] == f"❌ {failed.title}\n{failed.summary}"
    assert payload["blocks"][0]["text"]["text"] == f"❌ {failed.title}"
    assert "2x Essential container in task exited (exit code 1)\nchildren 2, 5" in shown
    assert "1x Host EC2 (instance i-0123) terminated.\nchild 6" in shown
    assert "This may be a repeat" in shown
    assert "*Duration*" in shown
    assert "3 min 20 s" in shown
    (button,) = payload["blocks"][-1]["elements"]
    assert (button["type"], button["text"]["text"], button["url"]) == (
        "button",
        "Job in the console",
        failed.links[0].url,
    )
    assert failed.failures[0].log is not None
    assert f"<{failed.failures[0].log.url}|Log of child 2>" in shown
    assert payload["unfurl_links"] is False


def test_success_and_failure_look_different(succeeded: Message, failed: Message) -> None:
    assert render(succeeded)["blocks"][0]["text"]["text"][0] != render(failed)["blocks"][0]["text"]["text"][0]


def test_more_groups_than_fit_are_counted(huge: Message) -> None:
    payload = render(huge)
    shown = [text for text in texts(payload, "plain_text") if re.match(r"1x \d", text)]
    assert shown
    assert f"… and {500 - len(shown):,} more" in list(texts(payload, "plain_text"))
    assert "9,500 more groups of failures are left out." in list(texts(payload, "plain_text"))
    assert any("This may be a repeat" in text for text in texts(payload, "plain_text"))
    assert [button["text"]["text"] for button in buttons(payload)] == ["Job in the console"]


def test_many_short_groups_stay_within_50_blocks(huge: Message) -> None:
    groups = tuple(dataclasses.replace(group, reason="r") for group in huge.failures)
    assert len(render(dataclasses.replace(huge, failures=groups, facts=()))["blocks"]) == 50


def test_many_facts_links_and_notes_fit(failed: Message) -> None:
    message = dataclasses.replace(
        failed,
        facts=tuple(Fact(f"Job {number}", "v" * 500) for number in range(100)),
        links=tuple(Link(f"Link {number}", f"https://example.com/{'p' * 1500}") for number in range(10)),
        notes=tuple("n" * 900 for _ in range(30)),
    )
    assert any("more" in text for text in texts(render(message), "plain_text"))


def test_links_are_buttons_as_many_as_fit(failed: Message) -> None:
    links = tuple(Link(f"Link {number} {'l' * 100}", f"https://example.com/{number}") for number in range(100))
    shown = buttons(render(dataclasses.replace(failed, links=links)))
    assert 5 <= len(shown) <= 25
    assert [button["url"] for button in shown] == [link.url for link in links[: len(shown)]]
    assert all(len(button["text"]["text"]) <= 75 for button in shown)


def test_a_message_without_links_has_no_empty_row_of_buttons(failed: Message) -> None:
    assert buttons(render(dataclasses.replace(failed, links=()))) == []


@pytest.mark.parametrize("url", ["http://example.com", "javascript:alert(1)", "https://a|b", "https://a b", ""])
def test_a_link_that_is_not_plain_https_is_left_out(failed: Message, url: str) -> None:
    payload = render(dataclasses.replace(failed, links=(Link("Look", url),)))
    assert "Look" not in json.dumps(payload)


def jobs(payload: dict[str, Any]) -> list[str]:
    """The lines with the jobs of a digest."""
    lines = [line for text in texts(payload["blocks"][2:], "plain_text") for line in text.split("\n")]
    return [line for line in lines if line[0] in "✅❌"]


def links(payload: dict[str, Any]) -> list[tuple[str, str]]:
    """The URL and the label of each link."""
    found = "".join(text for text in texts(payload, "mrkdwn"))
    return [(url, label) for url, label in re.findall(r"<([^|>]*)\|([^>]*)>", found)]


def test_a_digest_lists_and_links_all_jobs_the_failed_ones_first(digest: Callable[..., Message]) -> None:
    message = digest(9, 3)
    payload = render(message)
    assert payload["text"].startswith("❌ 12 jobs finished: 3 failed, 9 succeeded")
    assert jobs(payload)[:3] == [
        "❌ 1. print-color-009 failed: 3 of 7 children",
        "❌ 2. print-color-010 failed: 3 of 7 children",
        "❌ 3. print-color-011 failed: 3 of 7 children (may be a repeat)",
    ]
    assert jobs(payload)[11] == "✅ 12. print-color-008 succeeded: all 7 children"
    assert links(payload) == [(job.link.url, str(place)) for place, job in enumerate(message.jobs, 1) if job.link]


@pytest.mark.parametrize(("succeeding", "failing"), [(100, 0), (60, 40), (97, 3), (0, 100)])
@pytest.mark.parametrize("note", [(), ("88 more jobs are left out.",)])
def test_a_hundred_jobs_with_ordinary_names_are_all_listed(
    digest: Callable[..., Message], succeeding: int, failing: int, note: tuple[str, ...]
) -> None:
    name = "nightly-render-of-the-whole-catalogue-in-four-resolutions-"  # and three digits: 61 characters
    message = dataclasses.replace(digest(succeeding, failing, name=name), notes=note)
    payload = render(message)
    shown = jobs(payload)
    numbers_and_outcomes = [
        re.search(r"nightly-render-\S*-(\d\d\d (?:failed|succeeded): .* children)", line) for line in shown
    ]
    assert [found and found[1] for found in numbers_and_outcomes] == [job.title[58:] for job in message.jobs]
    assert [line[0] for line in shown] == ["❌"] * failing + ["✅"] * succeeding
    assert len(links(payload)) >= min(failing, 12)
    assert links(payload) == [
        (job.link.url, str(place)) for place, job in enumerate(message.jobs[: len(links(payload))], 1) if job.link
    ]
    assert all(f" {label}. " in line for (_, label), line in zip(links(payload), shown, strict=False))


def test_a_hundred_jobs_that_may_all_be_repeats_say_so(digest: Callable[..., Message]) -> None:
    message = digest(0, 100, name="nightly-render-of-the-whole-catalogue-in-four-resolutions-")
    entries = tuple(dataclasses.replace(job, may_be_repeat=True) for job in message.jobs)
    shown = jobs(render(dataclasses.replace(message, jobs=entries)))
    assert len(shown) == 100
    assert all(line.endswith(" (may be a repeat)") for line in shown)


def test_titles_are_not_cut_if_all_failed_jobs_can_be_linked(digest: Callable[..., Message]) -> None:
    payload = render(digest(30, 10, name="nightly-render-of-the-whole-catalogue-in-four-resolutions-"))
    assert all(line.endswith(("children", "(may be a repeat)")) for line in jobs(payload))
    assert len(links(payload)) >= 10


def test_jobs_that_do_not_fit_even_when_cut_are_counted(digest: Callable[..., Message]) -> None:
    payload = render(digest(0, 100, name='"\\' * 500))
    (rest,) = (text for text in texts(payload, "plain_text") if text.startswith("… and "))
    assert 0 < len(jobs(payload)) < 100
    assert rest == f"… and {100 - len(jobs(payload))} more"


def test_a_job_without_a_link_is_listed_too(digest: Callable[..., Message]) -> None:
    message = digest(0, 3)
    first, second, third = message.jobs
    payload = render(dataclasses.replace(message, jobs=(first, dataclasses.replace(second, link=None), third)))
    assert [line[2:4] for line in jobs(payload)] == ["1.", "pr", "3."]
    assert [label for _, label in links(payload)] == ["1", "3"]


def test_what_stands_around_the_jobs_leaves_them_room(digest: Callable[..., Message]) -> None:
    """The longest title, summary, notes and links, of characters that JSON doubles."""
    longest = '"' * 10_000
    message = dataclasses.replace(
        digest(0, 100),
        title=longest,
        summary=longest,
        facts=(),
        notes=tuple(f"{number}{longest}" for number in range(20)),
        links=tuple(Link(longest, f"https://example.com/{number}") for number in range(50)),
    )
    assert any(text.startswith("… and 100 more") for text in texts(render(message), "plain_text"))


def test_the_text_of_a_notification_mentions_nobody(failed: Message) -> None:
    hostile = dataclasses.replace(failed, title="<!channel> a & b", summary="<@U123> -> c")
    lines = render(hostile)["text"].splitlines()

    assert lines[0].endswith("&lt;!channel&gt; a &amp; b")
    assert lines[1] == "&lt;@U123&gt; -&gt; c"


def test_a_command_is_whole_and_its_label_stands_above(failed: Message) -> None:
    line = "aws batch terminate-job --job-id 1234 --reason 'a  b <c> & `d`' " + "x" * 900
    payload = render(dataclasses.replace(failed, commands=(Command("To end the job", line),)))

    (block,) = (block for block in payload["blocks"] if "rich_text_section" in json.dumps(block))
    assert list(texts(block, "text")) == ["To end the job", line]


def test_commands_that_do_not_fit_are_left_out_whole_and_counted(failed: Message) -> None:
    lines = [f"{number} " + '"' * 900 for number in range(12)]
    commands = tuple(Command("To copy", line) for line in lines)
    payload = render(dataclasses.replace(failed, commands=commands))

    shown = [text for text in texts(payload["blocks"], "text") if text[0].isdigit()]
    assert shown == lines[: len(shown)] != []
    assert f"… and {12 - len(shown)} more" in texts(payload["blocks"], "plain_text")
    assert [block for block in payload["blocks"] if "fields" in block], "the facts are shown"


@pytest.mark.parametrize(
    ("progress", "shown"),
    [
        (Progress(10_000, 120, 3, 184), "░░░░░░░░░░░░░░░░░░░░\n120 of 10,000 done, 3 failed, 64 running or starting"),
        (Progress(4, 2, 0, 2), "██████████░░░░░░░░░░\n2 of 4 done, 0 failed"),
        (Progress(7, 7, 7, 7), "████████████████████\n7 of 7 done, 7 failed"),
        (Progress(0, 0, 0, 0), "░░░░░░░░░░░░░░░░░░░░\n0 of 0 done, 0 failed"),
        (Progress(2, 3, 0, 3), "████████████████████\n3 of 2 done, 0 failed"),
    ],
)
def test_how_far_a_job_is_stands_below_the_outcome(failed: Message, progress: Progress, shown: str) -> None:
    payload = render(dataclasses.replace(failed, progress=progress))
    assert payload["blocks"][2]["text"]["text"] == shown
