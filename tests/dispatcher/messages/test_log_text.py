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


SECRET = "tr0ub4dorHunter2"


@pytest.mark.parametrize(
    "line",
    [
        # commands
        f"+ curl -s -u 'admin:{SECRET}' https://x.example/",
        f"curl --user admin:{SECRET} https://x.example/",
        f"mysql -uroot -p{SECRET} -h db",
        f"sshpass -p {SECRET} ssh host",
        f"docker login -u me -p {SECRET} registry.example",
        f"redis-cli -h cache -a {SECRET}",
        f'command: ["render", "--password","{SECRET}"]',
        f"ALTER USER render IDENTIFIED BY '{SECRET}'",
        f"auth=('me', '{SECRET}')",
        f"  password: >-\n    {SECRET}\n    {SECRET}",
        f"machine db login me password {SECRET}",
        # environments
        f"DB_PASS={SECRET}",
        f"GITHUB_PAT={SECRET}",
        f"OPENAI_KEY={SECRET}",
        f"export FOO_TOKEN=$'{SECRET} and more'",
        f'export FOO_TOKEN="a\\"{SECRET}"',
        f"FOO_TOKEN=a;{SECRET}",
        f"environ({{'HOME': '/', 'FOO_TOKEN': '{SECRET}'}})",
        f"HOME=/\x00FOO_TOKEN\x00=\x00{SECRET}",
        f"- name: DB_PASSWORD\n  value: {SECRET}",
        f'{{"name": "DB_PASSWORD", "value": "{SECRET}"}}',
        f'    "Name": "DB_PASSWORD",\n    "Value": "{SECRET}"',
        # YAML, JSON, XML
        f"  password: correct horse {SECRET}",
        f"  password: 'it''s {SECRET}'",
        f'{{\\"password\\": \\"{SECRET}\\", \\"x\\": 1}}',
        f'"{{\\\\\\"api_key\\\\\\": \\\\\\"{SECRET}\\\\\\"}}"',
        f'{{"tokens": ["{SECRET}", "b"]}}',
        f'{{"credentials": {{"user": "x", "value": "{SECRET}"}}}}',
        f"<password>{SECRET}</password>",
        f'<add key="Password" value="{SECRET}"/>',
        # Python
        f"password=b'{SECRET} more'",
        f"('password', '{SECRET}')",
        f"headers={{'Authorization': 'Token {SECRET}'}}",
        # headers, URLs and connection strings
        f"Authorization: token {SECRET}",
        f'Authorization: Digest username="me", response="{SECRET}"',
        f"Cookie: sessionid={SECRET}",
        f"Set-Cookie: sid={SECRET}; Path=/",
        f"postgres://u:p@{SECRET}@host/db",
        f"postgres://u:{SECRET}/x@host/db",
        f"https://{SECRET}0@github.com/x",
        f"https%3A%2F%2Fuser%3A{SECRET}%40host",
        f"next=%2Fx%3Ftoken%3D{SECRET}",
        f"https://a.blob.core.windows.net/c?sv=2020&sig={SECRET}%3D&se=2026",
        f"Server=db;User Id=me;Password={SECRET};Encrypt=yes",
        f"AccountName=a;AccountKey={SECRET}==;EndpointSuffix=core.windows.net",
        # shapes
        f"IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLWVhc3Qt{SECRET}",
        f"whsec_{SECRET}",
        f"hvs.CAESI{SECRET}",
        f"glrt-{SECRET}0000",
        f"https://hooks.slack-gov.com/services/T0/B0/{SECRET}",
        f"https://x.webhook.office.com/webhookb2/a@b/IncomingWebhook/{SECRET}",
        f"https://discord.com/api/webhooks/123456/{SECRET}",
        f"https://api.telegram.org/bot123456789:AAE-{SECRET}{'x' * 15}/sendMessage",
    ],
)
def test_a_secret_is_blanked_wherever_programs_print_one(line: str) -> None:
    shown = "\n".join(presentable([line]))

    assert BLANK in shown
    assert "ub4dor" not in shown


def test_the_beginning_of_a_secret_that_is_cut_off_is_not_shown() -> None:
    assert presentable([f"token={'a' * 980} AKIAIOSFODNN7EXAMPLE"]) == [f"token={BLANK}"]


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
        "tokens: 512",
        "1732870000:0b5e1c3a-1111-4222-8333-444455556666 started",
        "max_tokens=4096, eos_token='</s>'",
        "Tokenizer: loading bert",
        "token_type_ids: [0, 0]",
        "SyntaxError: unexpected token: '}'",
        "JSONDecodeError: Expecting value token: EOF",
        "PWD=/home/user",
        "botocore.exceptions.NoCredentialsError: Unable to locate credentials",
        "TypeError: bad signature: f(x)",
        "AssertionError: access_key_id: missing",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf",
        'password = os.environ["PASSWORD"]',
        "token = get_token(user)",
        "password=password,",
        "def login(user: str, password: str) -> Token:",
        "secrets: 3 loaded",
        "usage: app [--password PASSWORD] [--token TOKEN]",
        "https://registry.npmjs.org/@types/node@20.1.2",
        "botocore.exceptions.ClientError: An error occurred (ExpiredToken): The provided token has expired.",
        "curl -H 'X-Api-Key: ${API_KEY}' x",
        "Basic information about",
        "Bearer authentication required",
        "--max-tokens 100 --password-file /run/password",
        "duplicate key value violates unique constraint pk_customers_orders_2020",
        "sk-learn-contrib-something",
        "password: null, token=None",
        "PARTITION_KEY=id",
        "http://localhost:8080/x@y",
        'File "/usr/lib/python3.12/secrets.py", line 12, in token_bytes',
        "docker run -u 1000:1000 image",
        "pass: 12 fail: 3",
        "✅ 🎉",
    ],
)
def test_what_is_no_secret_stays(line: str) -> None:
    assert presentable([line]) == [line]


def test_a_private_key_is_blanked_over_its_lines() -> None:
    lines = ["before", "-----BEGIN RSA PRIVATE KEY-----", KEY, KEY, "abc=", "-----END RSA PRIVATE KEY-----", "after"]

    assert presentable(lines) == ["before", BLANK, "after"]
    assert presentable(["\n".join(lines)]) == ["before", BLANK, "after"]
    assert presentable([f"key: -----BEGIN PRIVATE KEY-----{KEY}-----END PRIVATE KEY----- end"]) == [f"key: {BLANK} end"]


@pytest.mark.parametrize(
    "lines",
    [
        ["07:12 -----BEGIN PRIVATE KEY-----", f"07:12 {KEY}A", "07:12 abc==", "07:12 -----END PRIVATE KEY-----"],
        ["-----BEGIN RSA PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-256-CBC,AABB", "", KEY, "abc==",
         "-----END RSA PRIVATE KEY-----"],
        [KEY, KEY, "abc==", "-----END PRIVATE KEY-----"],
        [f"{KEY}A", f"{KEY}A"],
    ],
    ids=["after the time", "encrypted", "without its beginning", "without both ends"],
)  # fmt: skip
def test_a_private_key_is_blanked_however_it_is_printed(lines: list[str]) -> None:
    shown = presentable([*lines, "after"])

    assert BLANK in shown[0]
    assert not [line for line in shown if "MIIE" in line or "abc" in line]
    assert shown[-1] == "after"


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
    "text",
    [
        "x", "token", "https://", "a.b-", "\x1b]", "\x08a", "-----BEGIN ", "password ", "--a-", "\r", "curl -u ",
        "mysql ", "docker login ", "authorization: ", "name='a' ", "('a',", "<a>", "login a password ", "://a:", "a=",
        "\\", "'", '"', "basic ", "token=a.", "0123456789:", "sk-", "%3A%2F%2F", "Aa0/", "a b\n",
    ],
)  # fmt: skip
def test_the_longest_events_take_no_time(text: str) -> None:
    with within(2):
        presentable([text * (10_000 // len(text))] * 100)
