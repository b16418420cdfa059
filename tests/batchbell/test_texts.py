"""Messages as plain text, for channels that show nothing else."""

from __future__ import annotations

from batchbell.contract import DigestEntry, FailureGroup, Link, Message, Severity
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
