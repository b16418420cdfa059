"""What the preview page shows, with a webhook and with a bot token."""

from __future__ import annotations

import dataclasses

import pytest

from batchbell.contract import Command, Message, Notifier, Progress, Secret
from notifiers.slack.notifier import create
from notifiers.slack.preview import preview

NEVER_READ = Secret("slack", lambda fresh: pytest.fail("a secret was read"))
WEBHOOK = create({}, {"webhook": NEVER_READ})
BOT = create({"channel": "C0123456789"}, {"token": NEVER_READ})


@pytest.mark.parametrize("notifier", [WEBHOOK, BOT], ids=["webhook", "token"])
def test_a_bar_and_a_command_are_drawn_as_text(notifier: Notifier, failed: Message) -> None:
    line = "aws batch terminate-job --reason '<b>'"
    message = dataclasses.replace(
        failed, progress=Progress(240, 120, 3, 160), commands=(Command("To end the job", line),)
    )
    page = preview(notifier, message).parts[0].body

    assert "120 of 240 done, 3 failed, 40 running or starting" in page
    assert "<div><b>To end the job</b></div><pre>aws batch terminate-job --reason &#x27;&lt;b&gt;&#x27;</pre>" in page
