"""What Slack gets: within its limits, and harmless whatever a job wrote."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from batchbell.contract import Fact, Link, Message, Secret
from batchbell.local.slack_rules import find_fault
from notifiers.slack.notifier import BLOCKS_LIMIT, create


def render(message: Message) -> dict[str, Any]:
    payload = create({}, {"webhook": Secret("webhook", lambda fresh: "never read")}).render(message)
    assert find_fault("POST", "application/json", json.dumps(payload).encode()) == ""
    assert len(json.dumps(payload["blocks"], ensure_ascii=False)) < BLOCKS_LIMIT + 1000
    json.dumps(payload, ensure_ascii=False).encode()
    return payload


def texts(value: Any, kind: str) -> Iterator[str]:
    """The texts of all text objects of a kind, from the top."""
    if isinstance(value, dict):
        if value.get("type") == kind and isinstance(value.get("text"), str):
            yield value["text"]
        for inner in value.values():
            yield from texts(inner, kind)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner, kind)


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
    assert f"<{failed.links[0].url.replace('&', '&amp;')}|Job in the console>" in shown
    assert failed.failures[0].log is not None
    assert f"<{failed.failures[0].log.url}|Log of child 2>" in shown
    assert payload["unfurl_links"] is False


def test_success_and_failure_look_different(succeeded: Message, failed: Message) -> None:
    assert render(succeeded)["blocks"][0]["text"]["text"][0] != render(failed)["blocks"][0]["text"]["text"][0]


def test_hostile_texts_stay_texts(hostile: Message) -> None:
    payload = render(hostile)
    for text in [payload["text"], *texts(payload, "mrkdwn")]:
        links = re.findall(r"<([^>]*)>", text)
        assert all(re.fullmatch(r"https://example\.com/ok\|[^<>]*", link) for link in links), text
    whole = json.dumps(payload, ensure_ascii=False)
    assert not re.search("[\x00-\x1f\x7f\u2028\u202e\ud800-\udfff]", whole)
    assert all(text.strip() for text in texts(payload, "plain_text"))


def test_more_groups_than_fit_are_counted(huge: Message) -> None:
    payload = render(huge)
    shown = [text for text in texts(payload, "plain_text") if re.match(r"1x \d", text)]
    assert shown
    assert f"… and {500 - len(shown):,} more" in list(texts(payload, "plain_text"))
    assert "9,500 more groups of failures are left out." in list(texts(payload, "plain_text"))
    assert any("This may be a repeat" in text for text in texts(payload, "plain_text"))
    assert any("Job in the console" in text for text in texts(payload, "mrkdwn"))


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


@pytest.mark.parametrize("url", ["http://example.com", "javascript:alert(1)", "https://a|b", "https://a b", ""])
def test_a_link_that_is_not_plain_https_is_left_out(failed: Message, url: str) -> None:
    payload = render(dataclasses.replace(failed, links=(Link("Look", url),)))
    assert "Look" not in json.dumps(payload)
