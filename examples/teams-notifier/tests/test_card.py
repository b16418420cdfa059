"""The content of the card."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from batchbell_teams.card import PAYLOAD_LIMIT, render

from batchbell.conformance import messages
from batchbell.contract import Command, DigestEntry, Fact, Link, Message, Severity


def card(message: Message) -> dict[str, Any]:
    payload = render(message)
    assert len(json.dumps(payload)) <= PAYLOAD_LIMIT
    content: dict[str, Any] = payload["attachments"][0]["content"]
    return content


def lines(message: Message) -> list[str]:
    return ["".join(texts(element)) for element in card(message)["body"]]


def texts(element: dict[str, Any]) -> Iterator[str]:
    for run in element["inlines"]:
        yield run if isinstance(run, str) else run["text"]


def links(message: Message) -> list[tuple[str, str]]:
    """Return the text and the URL of each link in the body."""
    runs = [run for element in card(message)["body"] for run in element["inlines"] if isinstance(run, dict)]
    return [(run["text"], run["selectAction"]["url"]) for run in runs if "selectAction" in run]


def test_a_reader_finds_everything() -> None:
    message = messages.failed()
    log = message.failures[0].log
    assert log is not None
    assert lines(message) == [
        "❌ print-color: 3 of 7 children failed",
        "Array job on print-color-queue, 3 min 20 s after it was submitted",
        "2x Essential container in task exited (exit code 1)",
        "children 2, 5 · Log of child 2",
        "Traceback (most recent call last):",
        '  File "paint.py", line 7',
        "no colour left",
        "1x Host EC2 (instance i-0123) terminated.",
        "child 6",
        "Its instance was ended: on Spot often reclaimed by EC2.",
        "There was no log when this message was written.",
        "Queue: print-color-queue",
        "Duration: 3 min 20 s",
        "Children: 7",
        "This may be a repeat: the first answer was lost.",
    ]
    assert links(message) == [("Log of child 2", log.url)]
    assert card(message)["actions"] == [
        {"type": "Action.OpenUrl", "title": "Job in the console", "url": message.links[0].url}
    ]


def test_a_dead_channel_looks_like_a_warning() -> None:
    title = card(messages.dead_channel())["body"][0]["inlines"][0]
    assert title["text"].startswith("⚠️ Notifier ops is down")
    assert title["color"] == "Warning"


def test_a_digest_lists_a_hundred_jobs_and_links_the_failed_ones() -> None:
    message = messages.digest(100)
    shown = [line for line in lines(message) if "nightly-render" in line]
    assert len(shown) == 100
    assert shown[0].startswith("❌ nightly-render-of-the-whole-catalogue-in-four-resolutions-000")
    assert shown[0].endswith(" (may be a repeat)")
    failed = [job.link.url for job in message.jobs if job.link and job.severity is Severity.FAILURE]
    assert [url for _, url in links(message)][: len(failed)] == failed


def test_a_small_digest_links_every_job() -> None:
    message = messages.digest(10)
    assert [url for _, url in links(message)] == [job.link.url for job in message.jobs if job.link]
    assert any(line.endswith("failed: 3 of 7 children (may be a repeat)") for line in lines(message))


def test_a_hundred_jobs_are_listed_whatever_their_names() -> None:
    jobs = (DigestEntry("🦊" * 999, Severity.FAILURE, may_be_repeat=True),) * 100
    shown = [line for line in lines(dataclasses.replace(messages.digest(), jobs=jobs)) if line.startswith("❌ 🦊")]
    assert len(shown) == 100
    assert all("🦊…🦊" in line and line.endswith("🦊 (may be a repeat)") for line in shown)


def test_more_groups_than_fit_are_counted() -> None:
    message = messages.huge()
    shown = [line for line in lines(message) if line.startswith("1x ")]
    assert shown
    assert f"… and {500 - len(shown):,} more" in lines(message)
    assert "9,500 more groups of failures are left out." in lines(message)


def test_more_facts_than_fit_are_counted() -> None:
    message = dataclasses.replace(messages.failed(), facts=(Fact("Fact", "v" * 999),) * 100, failures=())
    shown = [line for line in lines(message) if line.startswith("Fact: ")]
    assert shown
    assert f"… and {100 - len(shown)} more" in lines(message)


def test_the_longest_texts_leave_room_for_the_rest() -> None:
    text = "🦊" * 999
    long = dataclasses.replace(
        messages.failed(),
        title=text,
        summary=text,
        notes=tuple(f"{number} {text}" for number in range(20)),
        links=tuple(Link(text, f"https://example.com/{number}/{'p' * 1_900}") for number in range(9)),
    )
    assert "Queue: print-color-queue" in lines(long)
    assert lines(long)[-1].startswith("19 🦊")
    assert card(long)["actions"]


def test_there_are_at_most_as_many_buttons_as_teams_shows() -> None:
    links = tuple(Link(f"Link {number}", "https://example.com/") for number in range(9))
    actions = card(dataclasses.replace(messages.succeeded(), links=links))["actions"]
    assert [action["title"] for action in actions] == [f"Link {number}" for number in range(6)]


def test_a_command_is_shown_as_it_is_or_not_at_all() -> None:
    shown, expanded, long = "aws batch terminate-job --job-id 1 --reason 'too  slow'", "echo {{x}}", "é" * 1_000
    commands = tuple(Command("To end the job", line) for line in (shown, expanded, long))
    text = lines(dataclasses.replace(messages.failed(), commands=commands))
    assert text[text.index("To end the job:") + 1] == shown
    assert text.count("To end the job:") == 1


def test_a_date_function_is_not_expanded() -> None:
    message = dataclasses.replace(messages.succeeded(), title="{{DATE(2026-01-01T00:00:00Z)}} {{{{")
    assert "{{" not in json.dumps(render(message))


def test_a_long_name_is_shortened_in_its_middle_and_the_outcome_stands_whole() -> None:
    outcomes = {
        Severity.SUCCESS: "succeeded: all 10,000 children",
        Severity.FAILURE: "failed: 9,999 of 10,000 children",
    }
    for length in range(1, 129):
        for severity, outcome in outcomes.items():
            message = dataclasses.replace(
                messages.failed(), title=f"{'n' * length} {outcome}", severity=severity, facts=(), failures=(), notes=()
            )
            assert lines(message)[0].endswith(f"n {outcome}")
    for name in ("n" * 128, "\U0001f514" * 128):
        jobs = tuple(DigestEntry(f"{name} {outcome}", one) for one, outcome in outcomes.items()) * 50
        for job, line in zip(
            jobs, lines(dataclasses.replace(messages.succeeded(), facts=(), jobs=jobs))[2:], strict=False
        ):
            assert line.endswith(outcomes[job.severity]) or line.startswith("… and ")
