"""Messages as plain text, for channels that show nothing else."""

from __future__ import annotations

import json

from batchbell.contract import (
    PARTS_LEFT_OUT,
    Command,
    DigestEntry,
    FailureGroup,
    Link,
    Message,
    Progress,
    Severity,
)
from batchbell.dispatcher.delivery.sender import MAY_BE_A_REPEAT
from batchbell.texts import as_text, cut, tidy

LIMIT = 2_000  # characters that a small channel takes


def test_a_channel_that_cuts_the_text_keeps_that_the_message_may_be_a_repeat() -> None:
    failures = tuple(FailureGroup(f"reason {number} {'x' * 500}", 1, str(number), 1) for number in range(50))
    jobs = tuple(DigestEntry(f"job {number} failed {'x' * 500}", Severity.FAILURE) for number in range(50))
    for long in (
        {"failures": failures},
        {"jobs": jobs},
    ):
        message = Message("key", "job", "FAILED", Severity.FAILURE, "nightly failed", "Array job", "nightly", **long)
        text = cut(as_text(tidy(message.with_note(MAY_BE_A_REPEAT))), LIMIT)
        assert text.endswith("…")
        assert MAY_BE_A_REPEAT in text
        assert text.startswith("nightly failed\nArray job\n")


def test_what_a_log_says_stands_before_the_link_to_it() -> None:
    group = FailureGroup("exited", 2, "2, 5", 1, Link("Log of child 2", "https://x.example/"), log_lines=("one", "two"))
    message = Message("k", "array-job", "FAILED", Severity.FAILURE, "t failed", "s", "t", failures=(group,))

    assert as_text(message).split("\n\n")[1].split("\n  ") == [
        "2x exited (exit code 1)",
        "children 2, 5",
        "| one",
        "| two",
        "Log of child 2: https://x.example/\n",
    ]


def test_a_command_stands_as_it_is_or_not_at_all() -> None:
    line = "aws batch terminate-job --job-id 4b6b21de --reason 'stopped  by hand' --region eu-west-1"
    wrong = ("rm -rf \x1b[2K/", "echo \u202eevil", "two\nlines", " leading", "", "x" * 1_001)
    commands = (Command("To end the job", line), *(Command("wrong", one) for one in wrong))
    message = Message("k", "overdue", "OVERDUE", Severity.WARNING, "t is overdue", "s", "t", commands=commands)

    tidied = tidy(message)

    assert tidied.commands == (Command("To end the job", line),)
    assert f"\n\nTo end the job:\n  {line}\n" in as_text(tidied)


def test_progress_and_commands_survive_as_json() -> None:
    message = Message(
        "k",
        "progress",
        "RUNNING",
        Severity.INFO,
        "t is running",
        "s",
        "t",
        commands=(Command("To end the job", "aws batch terminate-job"),),
        progress=Progress(total=10, finished=3, failed=1, started=5),
        reply_to="1700000000.000100",
    )
    data = json.loads(message.to_json())

    assert Message.from_dict(data) == message
    for odd in ({"total": 10}, {**data["progress"], "failed": -1}, {**data["progress"], "started": True}, [1], "x"):
        read = Message.from_dict({**data, "progress": odd})
        assert (read.progress, read.notes) == (None, (PARTS_LEFT_OUT,))
