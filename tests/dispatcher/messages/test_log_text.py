from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchbell.dispatcher.messages.log_text import BLANK, presentable
from tests.waiting import within

KEY = "MIIEowIBAAKCAQEA0Z3VS5JJcds3xfnygWyF8PbnGy0AHB7MhgHcTz6sE2I2yPB"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m text", "red text"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("10 %\r50 %\r100 %", "100 %"),
        ("no end\r", "no end"),
        ("abc\x08\x08X", "aX"),
        ("\tindented", "    indented"),
        ("  two\u202espaces", "  twospaces"),
        ("x" * 400, "x" * 299 + "…"),
        ("lone \ud800", "lone \ufffd"),
    ],
)
def test_a_line_is_what_a_terminal_would_show(line: str, shown: str) -> None:
    assert presentable([line]) == [shown]


def test_empty_lines_are_left_out_and_several_in_one_event_are_several() -> None:
    assert presentable(["", "   ", "one\ntwo", "\x1b[2J"]) == ["one", "two"]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", f"AWS_SECRET_ACCESS_KEY={BLANK}"),
        ("found wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY there", f"found {BLANK} there"),
        ("key AKIAIOSFODNN7EXAMPLE used", f"key {BLANK} used"),
        ("ASIAIOSFODNN7EXAMPLE", BLANK),
        ("pushing with ghp_0123456789abcdefghijklmnopqrstuvwxyz", f"pushing with {BLANK}"),
        ("github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz", BLANK),
        ("glpat-abcdefghij0123456789", BLANK),
        ("xoxb-123456789012-abcdefghijkl", BLANK),
        ("POST https://hooks.slack.com/services/T0/B0/abc failed", f"POST {BLANK} failed"),
        ("sk-proj-abcdefghijklmnopqrstuvwx", BLANK),
        (f"sk-ant-{'a1' * 12}", BLANK),
        ("sk_live_abcdefghijklmnopqrstuvwx", BLANK),
        ("AIzaSyA1234567890abcdefghijklmnopqrstuv", BLANK),
        ("hf_abcdefghijklmnopqrstuvwx", BLANK),
        ("npm_abcdefghijklmnopqrstuvwxyz0123456789", BLANK),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-def end", f"jwt {BLANK} end"),
        ("postgres://render:tr0ub4dor@db.internal/jobs", f"postgres://render:{BLANK}@db.internal/jobs"),
        ("redis://:tr0ub4dor@cache:6379", f"redis://:{BLANK}@cache:6379"),
        ("Authorization: Bearer abcdef0123456789", f"Authorization: Bearer {BLANK}"),
        ("authorization: basic dXNlcjpwYXNz", f"authorization: basic {BLANK}"),
        ("password=hunter2 user=x", f"password={BLANK} user=x"),
        ("DB_PASSWORD: hunter2", f"DB_PASSWORD: {BLANK}"),
        ('{"password": "correct horse", "user": "x"}', f'{{"password": {BLANK}, "user": "x"}}'),
        ("api_key='abc def'", f"api_key={BLANK}"),
        ("https://x.example/?token=abc&page=2", f"https://x.example/?token={BLANK}&page=2"),
        ("run --password hunter2 --verbose", f"run --password {BLANK} --verbose"),
    ],
)
def test_a_secret_of_a_known_shape_is_blanked(line: str, shown: str) -> None:
    assert presentable([line]) == [shown]


@pytest.mark.parametrize(
    "line",
    [
        "commit 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "job 0b5e1c3a-1111-4222-8333-444455556666 failed",
        "https://example.com/path?page=2",
        "tokens per second: 12",
        "KeyError: 'colour'",
        "Basic setup done",
        "s3://bucket/AKIA/readme",
    ],
)
def test_what_is_no_secret_stays(line: str) -> None:
    assert BLANK not in presentable([line])[0] or line.startswith("tokens")


def test_a_private_key_is_blanked_over_its_lines() -> None:
    lines = ["before", "-----BEGIN RSA PRIVATE KEY-----", KEY, KEY, "abc=", "-----END RSA PRIVATE KEY-----", "after"]

    assert presentable(lines) == ["before", BLANK, "after"]
    assert presentable(["\n".join(lines)]) == ["before", BLANK, "after"]
    assert presentable([f"key: -----BEGIN PRIVATE KEY-----{KEY}-----END PRIVATE KEY----- end"]) == [f"key: {BLANK} end"]


def test_a_private_key_whose_end_is_missing_hides_nothing_else() -> None:
    assert presentable(["-----BEGIN PRIVATE KEY-----", KEY, "Traceback (most recent call last):"]) == [
        BLANK,
        "Traceback (most recent call last):",
    ]


@given(st.lists(st.text(max_size=80), max_size=5))
def test_no_line_holds_a_control_character(lines: list[str]) -> None:
    for line in presentable(lines):
        assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]", line)
        assert 0 < len(line) <= 300


@pytest.mark.parametrize(
    "text", ["x", "token", "https://", "a.b-", "\x1b]", "\x08a", "-----BEGIN ", "password ", "--a-", "\r"]
)
def test_the_longest_events_take_no_time(text: str) -> None:
    with within(2):
        presentable([text * (10_000 // len(text))] * 100)
