"""The end of a failed job's log in the message: what the children really printed, or why it is not there."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from tests.end_to_end.observed_stack import NOTIFIERS, ObservedStack

# What each line of a log may hold, and a part of it that must arrive nowhere.
SECRETS: Mapping[str, str] = {
    "aws_secret_access_key=wJalrXUtnFEMIK7MDENGbPxRfiCYzEXAMPLEKEYx": "wJalrXUtnFEMIK7MDENG",
    "key AKIAIOSFODNN7QQQQQQQ": "AKIAIOSFODNN7QQQQQQQ",
    "DATABASE_URL=postgres://render:tr0ub4dor3@db.internal/jobs": "tr0ub4dor3",
    "token ghp_0123456789abcdefghijklmnopqrstuvwxyz": "ghp_0123456789",
    'config {"password": "correct horse"}': "correct horse",
}
HOSTILE = ("<!channel> *bold* ```", "\x1b[31mred\x1b[0m", "<script>alert(1)</script>")


def fail(observed: ObservedStack, *lines: str) -> str:
    """Run an array of two children that print these lines and fail; return its name once all channels have it."""
    name = f"job-{uuid.uuid4().hex[:8]}"
    observed.stack.submit(name, 2, ["sh", "-c", 'for line; do printf "%s\\n" "$line"; done; exit 3', "sh", *lines])
    wait(observed, name)
    return name


def wait(observed: ObservedStack, name: str) -> None:
    observed.stack.wait_until(lambda: all(observed.outcomes(name, one) for one in NOTIFIERS), "tried", timeout=30)
    observed.wait_until_idle()


def test_each_channel_has_the_last_lines_that_the_children_printed(observed: ObservedStack) -> None:
    name = fail(observed, *(f"line {number}" for number in range(1, 10)), "no colour left")

    assert observed.unexplained(name) == {}
    for text in observed.each_text(name):
        assert "no colour left" in text
        assert "line 6" in text
        assert "line 5" not in text  # the stack asks for five lines


def test_secrets_of_known_shapes_and_control_sequences_arrive_nowhere(observed: ObservedStack) -> None:
    lines = [*SECRETS, *HOSTILE]
    names = [fail(observed, *lines[start : start + 5]) for start in (0, 5)]
    log, rows = observed.stack.log(), _rows(observed)

    for name in names:
        for text in observed.each_text(name):
            assert not [secret for secret in SECRETS.values() if secret in text]
            assert "\x1b" not in text
    assert not [secret for secret in SECRETS.values() if secret in log or secret in rows]


def _rows(observed: ObservedStack) -> str:
    table = observed.stack.deployment.outputs["ledger_table_name"]
    return str(observed.stack.cloud.client("dynamodb").scan(TableName=table)["Items"])


# What CloudWatch Logs does, and what the message says instead of the lines.
FAULTS: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "denied": ({"error": "AccessDeniedException", "status": 400}, "add its log group to log_group_arns"),
    "throttled": ({"error": "ThrottlingException", "status": 400}, "CloudWatch Logs had too many requests"),
    "missing": ({"error": "ResourceNotFoundException", "status": 400}, "There was no log"),
    "broken": ({"error": "ServiceUnavailableException", "status": 500}, "The log could not be read"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_without_its_log_the_message_says_why(observed: ObservedStack, what: str) -> None:
    fault, said = FAULTS[what]
    handle = observed.stack.cloud.fail("logs:GetLogEvents", **fault)
    name = fail(observed, "no colour left")
    observed.stack.cloud.clear_faults()

    assert handle.hits
    assert observed.unexplained(name) == {}
    for text in observed.each_text(name):
        assert said in " ".join(text.split())
        assert "no colour left" not in text


def test_an_empty_log_is_said_to_be_empty(observed: ObservedStack) -> None:
    name = fail(observed)

    for text in observed.each_text(name):
        assert "The log was empty when this message was written." in " ".join(text.split())
