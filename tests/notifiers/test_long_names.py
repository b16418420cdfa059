"""A job's name has up to 128 characters: a channel with less room shortens it in its middle, never what happened."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from batchbell.contract import DigestEntry, FailureGroup, Message, Severity
from batchbell.dispatcher.messages.digest import compose_digest
from batchbell.dispatcher.messages.failures import Failures
from batchbell.dispatcher.messages.finished_job import compose
from batchbell.dispatcher.records.job import Job
from batchbell.texts import as_text, headline, shorten
from notifiers.email.notifier import create as create_email
from notifiers.slack.blocks import render as render_slack
from notifiers.sns.publication import render as render_sns

SUCCEEDED, FAILED = "succeeded: all 10,000 children", "failed: at least 9,999 of 10,000 children"
NAME = "NFCORE_RNASEQ_RNASEQ_PREPARE_GENOME_UNCOMPRESS_TRANSCRIPT_FASTA_SAMPLE_0001_LANE_002_REPLICATE_003_CHUNK_00042"
NAMES = [(NAME * 2)[:length] for length in range(1, 129)]


def email_subject(message: Message) -> str:
    return str(
        create_email({"sender": "a@example.com", "recipients": ["a@example.com"]}, {}).render(message)["headers"][
            "Subject"
        ]
    )


def slack_header(message: Message) -> str:
    return str(render_slack(message)["blocks"][0]["text"]["text"])


def chat(message: Message) -> Mapping[str, Any]:
    notification: Mapping[str, Any] = json.loads(render_sns(message)["Message"]["https"])
    return notification


# By channel: the short text, and the room that it has.
SHORT_TEXTS: Mapping[str, tuple[Callable[[Message], str], int]] = {
    "SNS subject": (lambda message: render_sns(message)["Subject"], 99),
    "SMS": (lambda message: render_sns(message)["Message"]["sms"], 140),
    "mail subject": (email_subject, 150),
    "Slack header": (slack_header, 150),
    "Slack notification": (lambda message: render_slack(message)["text"].splitlines()[0], 150),
    "chat title": (lambda message: chat(message)["content"]["title"], 150),
    "chat summary": (lambda message: chat(message)["metadata"]["summary"], 150),
}


def outcome(message: Message, name: str, text: str) -> Message:
    return dataclasses.replace(message, title=f"{name} {text}", job_name=name)


@pytest.mark.parametrize("channel", SHORT_TEXTS)
def test_the_outcome_and_the_counts_stand_whole_beside_a_name_of_any_length(
    channel: str, succeeded: Message, failed: Message
) -> None:
    short, limit = SHORT_TEXTS[channel]
    for name in NAMES:
        texts = [short(outcome(succeeded, name, SUCCEEDED)), short(outcome(failed, name, FAILED))]
        for text, expected in zip(texts, (SUCCEEDED, FAILED), strict=True):
            assert expected in text
            assert len(text) <= limit
            assert name[:10] in text and name[-10:] in text.partition(expected)[0]
        assert len({*texts}) == 2


@pytest.mark.parametrize("channel", SHORT_TEXTS)
def test_the_events_of_a_success_and_of_a_failure_are_told_apart(
    channel: str, event: Callable[..., Mapping[str, Any]]
) -> None:
    """Shaped after jobs of nextflow, whose names tell a pipeline's whole path (nextflow-io/nextflow#822)."""
    short, _ = SHORT_TEXTS[channel]
    name = NAMES[-1]
    titles = {"parent-succeeded": "succeeded: all 7 children", "parent-failed": "failed: 3 of 7 children"}
    for file, expected in titles.items():
        job = Job.from_event(event(file, jobName=name))
        assert expected in short(compose(job, Failures()))


@pytest.mark.parametrize("channel", SHORT_TEXTS)
def test_a_blocked_queue_and_its_job_are_both_shortened(channel: str, succeeded: Message) -> None:
    short, limit = SHORT_TEXTS[channel]
    title = f"Job queue {'q' * 126}-1 is blocked by {'j' * 126}-2"
    text = short(dataclasses.replace(succeeded, title=title))

    assert len(text) <= limit
    assert " is blocked by " in text and "-1 is" in text and "-2" in text


def lines_of_digest(message: Message) -> Mapping[str, str]:
    """Return all that a channel shows of a digest, by channel."""
    sections = [block.get("text", {}).get("text", "") for block in render_slack(message)["blocks"]]
    published = render_sns(message)["Message"]
    return {
        "Slack": "\n".join(sections),
        "SNS": published["default"],
        "chat": chat(message)["content"]["description"],
        "mail": create_email({"sender": "a@example.com", "recipients": []}, {}).render(message)["text"],
    }


@pytest.mark.parametrize("jobs", [3, 100])
@pytest.mark.parametrize("length", [1, 30, 64, 65, 92, 128])
def test_a_line_of_a_digest_keeps_its_outcome(jobs: int, length: int, succeeded: Message, failed: Message) -> None:
    messages = [
        outcome(one, f"{number:03}{NAMES[-1]}"[:length], text)
        for number in range(jobs)
        for one, text in ([(failed, FAILED)] if number % 2 else [(succeeded, SUCCEEDED)])
    ]
    for channel, shown in lines_of_digest(compose_digest(messages, [True] * jobs)).items():
        lines = [line for line in shown.splitlines() if "children" in line]
        assert len(lines) >= min(jobs, 10), channel
        for line in lines:
            assert SUCCEEDED in line or FAILED in line, channel
            assert "(may be a repeat)" in line, channel


def test_a_long_reason_is_cut_before_its_exit_code(failed: Message) -> None:
    group = FailureGroup("x" * 999, 1_234, "0-1233", exit_code=137)
    message = dataclasses.replace(failed, failures=(group,))
    sections = [block.get("text", {}).get("text", "") for block in render_slack(message)["blocks"]]

    for text in ("\n".join(sections), chat(message)["content"]["description"], as_text(message), headline(group, 50)):
        assert "1,234x xxx" in text
        assert "(exit code 137)" in text


@pytest.mark.parametrize("name", ["x" * 5_000, "a b " * 2_000, "\U0001f514" * 3_000])
def test_the_outcome_of_a_hostile_name_stands_too(name: str, failed: Message) -> None:
    message = outcome(failed, name, FAILED)

    for short, limit in SHORT_TEXTS.values():
        text = short(message)
        assert len(text) <= limit
        assert text.endswith(FAILED) or f"{FAILED}. " in text
    entry = compose_digest([message], [False]).jobs[0]
    assert entry == DigestEntry(entry.title, Severity.FAILURE, entry.link)
    assert entry.title.endswith(FAILED)


def test_a_shortened_title_has_the_length_that_was_asked_for() -> None:
    title = f"Child 12 of {'n' * 128} failed: 3 of 7 children"

    assert shorten(title, 200) == title
    for limit in range(1, len(title)):
        assert len(shorten(title, limit)) == limit
        assert len(shorten(title, limit, ellipsis="...")) == max(limit, len("..."))
