"""What the report of a first deploy must not show."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest

from tools.first_deploy.redaction import Redaction

ACCOUNT = "123456789012"
HOME = str(Path.home())


@pytest.fixture
def redaction() -> Redaction:
    return Redaction(
        ACCOUNT, {"AWS_SECRET_ACCESS_KEY": "wJalr/XUtn+FEMI", "GITHUB_TOKEN": "ghp_abcdef", "PATH": "/usr"}
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"arn:aws:sqs:us-east-1:{ACCOUNT}:first-deploy-intake", "arn:aws:sqs:us-east-1:<account>:first-deploy-intake"),
        ("arn:aws:iam::999999999999:role/x", "arn:aws:iam::<account>:role/<principal>"),
        (
            "arn:aws:sts::999999999999:assumed-role/Admin/jane.doe@example.com is not allowed",
            "arn:aws:sts::<account>:assumed-role/<principal> is not allowed",
        ),
        ("arn:aws:iam::999999999999:user/jane", "arn:aws:iam::<account>:user/<principal>"),
        (
            f"arn:aws:iam::{ACCOUNT}:role/first-deploy-dispatcher-1a2b3c4",
            "arn:aws:iam::<account>:role/first-deploy-dispatcher-1a2b3c4",
        ),
        (
            f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/first-deploy-intake",
            "https://sqs.us-east-1.amazonaws.com/<account>/first-deploy-intake",
        ),
        ("https://bucket.s3.amazonaws.com/key?X-Amz-Signature=abc", "https://bucket.s3.amazonaws.com/key"),
        ("https://hooks.slack.com/services/T0/B0/secret failed", "<url> failed"),
        ("https://amazonaws.com.evil.example/a", "<url>"),
        ("https://me:password@sqs.us-east-1.amazonaws.com/a", "<url>"),
        ("http://127.0.0.1:4566/queue", "<url>"),
        ("https://[::1", "<url>"),
        ("jane.doe+x@mail.example.com wrote", "<email> wrote"),
        ("locked by jane@laptop (pid 1234)", "locked by <email> (pid 1234)"),
        ("no route to 172.31.5.17:443", "no route to <address>:443"),
        ("host ip-172-31-5-17.eu-west-1.compute.internal", "host <host>"),
        ("subnet-0123456789abcdef0 of vpc-01234567", "subnet-<id> of vpc-<id>"),
        ("AKIAIOSFODNN7EXAMPLE", "<access-key>"),
        ("the key wJalr/XUtn+FEMI and ghp_abcdef", "the key <secret> and <secret>"),
        (f"{HOME}/batchbell/.venv", "<home>/batchbell/.venv" if len(HOME) >= 6 else f"{HOME}/batchbell/.venv"),
        ("job 0b5e1c3a-1111-4222-8333-4444555566aa at 1795938019560", None),
        ("Pulumi 3.259.0, pulumi-aws 7.51.1, python3.13", None),
        ("/usr/bin", None),
    ],
)
def test_a_text_is_shown_without_accounts_people_secrets_and_hosts(
    redaction: Redaction, text: str, shown: str | None
) -> None:
    assert redaction.text(text) == (text if shown is None else shown)


def test_this_machines_name_is_blanked() -> None:
    name = platform.node()
    if len(name) >= 6:
        assert name not in Redaction(ACCOUNT, {}).text(f"on {name}: failed")


def test_a_containers_variables_are_blanked_with_their_names(redaction: Redaction) -> None:
    container = {"image": "busybox", "environment": [{"name": "PASSWORD", "value": "abc"}], "secrets": []}
    shown = redaction.redact({"detail": {"container": container}})
    assert shown == {"detail": {"container": {"image": "busybox", "environment": "<values>", "secrets": []}}}


def test_what_is_redacted_stays_as_it_is(redaction: Redaction) -> None:
    once = redaction.redact(
        {"arn": f"arn:aws:sns:us-east-1:{ACCOUNT}:x", "n": 3, "none": None, "many": ["a@b.example"]}
    )
    assert redaction.redact(once) == once
    assert ACCOUNT not in json.dumps(once)
