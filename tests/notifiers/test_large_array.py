"""The largest array that AWS Batch allows, with all children failed for 40 reasons: looked up, and sent everywhere."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import html5lib
import pytest
from slack_sdk.models.blocks import Block

from batchbell.contract import Message, Secret
from batchbell.dispatcher.messages.failures import LookUpBudget, look_up_failures
from batchbell.dispatcher.messages.finished_job import compose
from batchbell.dispatcher.messages.log_end import LogReader
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.timing import Deadline, Timing
from batchbell.texts import tidy
from batchbell_local.slack.webhook_rules import find_violation
from notifiers.email import notifier as email
from notifiers.slack import notifier as slack
from notifiers.sns import notifier as sns
from tests.waiting import within

SIZE, REASONS = 10_000, 40
REASON = "OutOfMemoryError: Container killed due to memory usage while it rendered frame by frame, reason number"
LARGEST_FIRST = [100 + REASONS - 1 - place for place in range(REASONS)]  # by their exit codes


def reason_of(index: int) -> int:
    """Return a child's reason: 39 for the most children, 0 for the fewest, spread over the whole array."""
    return int((index * 7_919 % SIZE / SIZE) ** 0.5 * REASONS)


class Batch:
    """A fake Batch client with ten pages of failed children, which records the calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def list_jobs(self, *, arrayJobId: str, jobStatus: str, maxResults: int, nextToken: str = "0") -> dict[str, Any]:
        self.calls.append("ListJobs")
        start = int(nextToken)
        children = [
            {
                "jobId": f"{arrayJobId}:{index}",
                "statusReason": f"{REASON} {reason_of(index)}",
                "container": {"exitCode": 100 + reason_of(index)},
                "arrayProperties": {"index": index},
            }
            for index in range(start, start + maxResults)
        ]
        more = start + maxResults < SIZE
        return {"jobSummaryList": children} | ({"nextToken": str(start + maxResults)} if more else {})

    def describe_jobs(self, *, jobs: list[str]) -> dict[str, Any]:
        self.calls.append("DescribeJobs")
        assert len(jobs) <= 100
        return {"jobs": [{"jobId": job, "container": {"logStreamName": f"render/default/{job[-36:]}"}} for job in jobs]}


class Logs:
    """A fake client of CloudWatch Logs whose lines are as long as they may be; it records the calls in `batch`."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    def get_log_events(self, *, limit: int, **place: str) -> dict[str, Any]:
        self.batch.calls.append("GetLogEvents")
        stream = place["logStreamName"]
        return {"events": [{"message": f"{number} of {stream} " + "x" * 300} for number in range(limit)]}


def look_up(batch: Batch, log_lines: int = 0) -> Message:
    event = json.loads((Path(__file__).parents[1] / "events" / "parent-failed.json").read_text("utf-8"))
    # The counts of an event may lag behind.
    event["detail"]["arrayProperties"] = {"size": SIZE, "statusSummary": {"FAILED": 9_100, "RUNNING": 900}}
    job = Job.from_event(event)
    budget = LookUpBudget(Deadline.after(Timing().look_ups))
    return tidy(compose(job, look_up_failures(job, batch, budget, LogReader(log_lines, lambda region: Logs(batch)))))


@pytest.fixture(scope="module")
def message() -> Message:
    return look_up(Batch())


def for_slack(message: Message) -> Mapping[str, Any]:
    return slack.create({}, {"webhook": Secret("webhook", lambda fresh: "never read")}).render(message)


def for_mail(message: Message) -> Mapping[str, Any]:
    return email.create({"sender": "b@example.com", "recipients": ["t@example.com"]}, {}).render(message)


def for_sns(message: Message) -> Mapping[str, Any]:
    return sns.create({"topic_arn": "arn:aws:sns:us-east-1:123456789012:ops"}, {}).render(message)


def exit_codes(text: str) -> list[int]:
    """Return the exit codes of the groups in a text, in their order."""
    return [int(code) for code in re.findall(r"\(exit code (\d+)\)", text)]


def test_it_is_looked_up_in_eleven_calls_and_ready_for_every_channel_in_five_seconds() -> None:
    batch = Batch()
    with within(5):
        message = look_up(batch)
        for render in (for_slack, for_mail, for_sns):
            render(message)

    assert batch.calls == ["ListJobs"] * 10 + ["DescribeJobs"]


def test_with_the_ends_of_logs_it_takes_three_calls_more_and_fits_into_every_channel() -> None:
    batch = Batch()
    with within(6):
        message = look_up(batch, log_lines=50)
        rendered = [render(message) for render in (for_slack, for_mail, for_sns)]

    assert batch.calls == ["ListJobs"] * 10 + ["DescribeJobs"] + ["GetLogEvents"] * 3
    assert [len(group.log_lines) for group in message.failures[:4]] == [50, 50, 50, 0]
    assert find_violation("POST", "application/json", json.dumps(rendered[0], ensure_ascii=False).encode()) == ""
    assert "99 of render/default" in json.dumps(rendered[0])
    assert len(json.dumps(rendered[2]["Message"], ensure_ascii=False).encode()) <= 256 * 1024


def test_all_groups_are_in_the_message_the_largest_first(message: Message) -> None:
    counts = [group.count for group in message.failures]

    assert message.title == "nightly-render failed: all 10,000 children"
    assert [group.exit_code for group in message.failures] == LARGEST_FIRST
    assert (sum(counts), counts) == (SIZE, sorted(counts, reverse=True))
    assert all(group.log is not None and group.indexes for group in message.failures)
    assert message.notes == ()


def test_slack_accepts_it_and_the_omitted_groups_are_counted(message: Message) -> None:
    payload = for_slack(message)
    text = json.dumps(payload, ensure_ascii=False)
    shown = exit_codes(text)

    assert find_violation("POST", "application/json", text.encode()) == ""
    for block in payload["blocks"]:
        model = Block.parse(block)
        assert model is not None and model.to_dict() == block
    assert len(shown) >= 10
    assert shown == LARGEST_FIRST[: len(shown)]
    assert f"… and {REASONS - len(shown)} more" in text


def test_a_mail_holds_all_groups_in_both_forms(message: Message) -> None:
    mail = for_mail(message)
    raw = email.write_mail(mail)

    assert len(raw) < 10_000_000  # SES accepts 40 MB, and many mailboxes a quarter of it
    assert all(len(line) < 998 for line in raw.split(b"\r\n"))
    html5lib.HTMLParser(strict=True).parse(mail["html"])
    assert exit_codes(mail["text"]) == exit_codes(mail["html"]) == LARGEST_FIRST


def test_sns_accepts_it_for_every_protocol(message: Message) -> None:
    published = for_sns(message)
    by_protocol = published["Message"]
    body = json.dumps(by_protocol, ensure_ascii=False) + json.dumps(published["MessageAttributes"])
    structured = json.loads(by_protocol["sqs"])
    card = json.loads(by_protocol["https"])["content"]["description"]

    assert len(body.encode()) <= 256 * 1024
    assert len(by_protocol["sms"]) <= 140
    assert len(card) <= 3_000
    assert [group["exit_code"] for group in structured["failures"]] == LARGEST_FIRST
    assert exit_codes(by_protocol["default"]) == LARGEST_FIRST
    assert exit_codes(card) == LARGEST_FIRST[: len(exit_codes(card))] != []
    assert f"\n… and {REASONS - len(exit_codes(card))} more" in card
