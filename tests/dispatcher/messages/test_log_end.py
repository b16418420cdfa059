from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ConnectTimeoutError
from botocore.stub import Stubber

from batchbell.dispatcher.messages.log_end import LogEnd, LogPlace, LogReader

PLACE = LogPlace("eu-west-1", "/aws/batch/job", "render/default/1")
EXPECTED = {"logGroupName": PLACE.group, "logStreamName": PLACE.stream, "limit": 6}


@pytest.fixture
def logs() -> Any:
    """A client of CloudWatch Logs whose answers botocore checks against AWS's model."""
    return boto3.client(
        "logs",
        "eu-west-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"mode": "standard"}),
    )


def read(logs: Any, lines: int = 3) -> LogEnd:
    regions: list[str] = []

    def open_in(region: str) -> Any:
        regions.append(region)
        return logs

    end = LogReader(lines, open_in).read(PLACE)
    assert regions == ["eu-west-1"]
    return end


def test_the_last_lines_are_read_with_one_call_in_the_logs_own_region(logs: Any) -> None:
    events = [{"timestamp": 1, "message": text} for text in ("one", "two", " ", "three", "four")]
    with Stubber(logs) as stub:
        stub.add_response("get_log_events", {"events": events}, EXPECTED)
        assert read(logs) == LogEnd(("two", "three", "four"))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("AccessDeniedException", "add its log group to log_group_arns (/aws/batch/job in eu-west-1)"),
        ("ResourceNotFoundException", "There was no log"),
        ("ThrottlingException", "too many requests"),
        ("ServiceUnavailableException", "too many requests"),
        ("InvalidParameterException", "could not be read (InvalidParameterException)"),
    ],
)
def test_a_refusal_is_said_in_one_line(logs: Any, code: str, said: str) -> None:
    with Stubber(logs) as stub:
        stub.add_client_error("get_log_events", code)
        end = read(logs)

    assert end.lines == ()
    assert said in end.problem
    assert "\n" not in end.problem


def test_a_log_without_lines_is_said_to_be_empty(logs: Any) -> None:
    with Stubber(logs) as stub:
        stub.add_response("get_log_events", {"events": [{"message": "\x1b[2J"}]}, EXPECTED)
        assert read(logs) == LogEnd((), "The log was empty when this message was written.")


def test_no_answer_is_said_too() -> None:
    class Silent:
        def get_log_events(self, **_: Any) -> None:
            raise ConnectTimeoutError(endpoint_url="https://logs.example")

    assert read(Silent()).problem == "The log could not be read (ConnectTimeoutError)."
