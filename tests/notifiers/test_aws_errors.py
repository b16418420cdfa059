"""Responses that are not AWS's own: all notifiers that call AWS classify them in the same way."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

import pytest

from batchbell.contract import Message, TemporaryError
from notifiers.email import notifier as email
from notifiers.sns import notifier as sns

NO_TEXT = "\udcff\udcfe"  # the bytes 0xff and 0xfe


@pytest.fixture(params=[email, sns], ids=["SES", "SNS"])
def notifier(request: pytest.FixtureRequest) -> Any:
    settings: Mapping[str, Any] = {
        "sender": "batch@example.com",
        "recipients": ["team@example.com"],
        "topic_arn": "arn:aws:sns:us-east-1:123456789012:ops",
    }
    return request.param.create(settings, {})


@pytest.mark.parametrize("status", [200, 302, 403, 500, 503])
@pytest.mark.parametrize("body", ["", "<html><body>Log in to the proxy<br></body></html>", "[[]]", NO_TEXT])
def test_a_response_that_is_not_from_aws_is_a_temporary_error_and_is_not_shown(
    refusing_aws: Any, notifier: Any, failed: Message, status: int, body: str
) -> None:
    refusing_aws.status, refusing_aws.code, refusing_aws.body = status, "", body
    with pytest.raises(TemporaryError) as caught:
        notifier.send(failed)
    error = caught.value
    assert "proxy<" not in "".join([repr(error), repr(error.__context__), *traceback.format_exception(error)])
    assert error.__context__ is None
    assert len(refusing_aws.calls) == 1


def test_200_counts_as_delivered_only_with_a_message_id(refusing_aws: Any, notifier: Any, failed: Message) -> None:
    refusing_aws.status = 200
    with pytest.raises(TemporaryError, match=r"names no message|gave no answer") as caught:
        notifier.send(failed)
    assert caught.value.maybe_delivered


def test_an_unreadable_200_may_have_been_delivered(refusing_aws: Any, notifier: Any, failed: Message) -> None:
    refusing_aws.status, refusing_aws.body = 200, NO_TEXT
    with pytest.raises(TemporaryError, match="gave no answer") as caught:
        notifier.send(failed)
    assert caught.value.maybe_delivered
