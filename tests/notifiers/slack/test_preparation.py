"""What Slack's notifiers do while the function's process starts."""

from __future__ import annotations

from typing import Any

import pytest

from batchbell.contract import Secret, TemporaryError
from notifiers.slack.notifier import create


@pytest.mark.parametrize(("name", "settings"), [("webhook", {}), ("token", {"channel": "C0123456789"})])
def test_the_secret_is_read_before_the_first_message(name: str, settings: dict[str, Any]) -> None:
    read: list[bool] = []

    def reading(fresh: bool) -> str:
        read.append(fresh)
        return "secret"

    notifier = create(settings, {name: Secret(name, reading)})
    assert read == []

    notifier.prepare()

    assert read == [False]  # as `send` reads it: through the cache


def test_a_secret_that_cannot_be_read_yet_is_for_the_first_message_to_report() -> None:
    def reading(fresh: bool) -> str:
        raise TemporaryError("the secret could not be read from ssm: AccessDeniedException")

    with pytest.raises(TemporaryError, match="AccessDenied"):
        create({}, {"webhook": Secret("webhook", reading)}).prepare()
