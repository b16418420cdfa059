"""Posts to a channel as an app's bot, and edits what it has posted.

Sources: Slack's "chat.postMessage" and "chat.update".
"""

from __future__ import annotations

import dataclasses
import re
import time
from typing import Any

from batchbell.contract import Message, PermanentError, Secret
from batchbell.texts import tidy
from batchbell.wire import MessageKind, Status

from .blocks import render
from .mentions import Mentions
from .web_api import API, NoThread, open_method, read_answer

CHANNEL = re.compile(r"[CG][A-Z0-9]{2,30}")
RECEIPT = re.compile(r"(?P<channel>[CG][A-Z0-9]{2,30}):(?P<ts>[0-9]{1,16}\.[0-9]{1,10})")
IN_THREAD_ONLY = frozenset({MessageKind.EARLY_FAILURES, MessageKind.OVERDUE, MessageKind.STALLED})


class Bot:
    """One Slack channel, in which the app is a member. A receipt is the channel's id and the message's ts."""

    def __init__(self, token: Secret, channel: str, api: str = API, mentions: Mentions | None = None) -> None:
        self._channel = channel
        self._mentions = mentions or Mentions()
        self._post = open_method(token, api, "chat.postMessage")
        self._update = open_method(token, api, "chat.update")

    def render(self, message: Message) -> dict[str, Any]:
        """Return the text and the blocks, without sending them."""
        message = tidy(message)
        if message.status != Status.RUNNING:
            return render(message, self._mentions.of(message))
        # chat.update takes no message without rich text for one that has some (error block_mismatch). A command is rich
        # text, and the outcome may have none. The warnings in the thread have the commands.
        return render(dataclasses.replace(message, commands=()), self._mentions.of(message))

    def prepare(self) -> None:
        """Read the token."""
        self._post.prepare()

    def send(self, message: Message) -> str | None:
        """Post the message, into the thread of `reply_to` if there is one. Returns its receipt.

        What is more than a warning is shown in the channel, too. If the thread is gone, the message is posted into the
        channel.
        """
        payload = {"channel": self._channel, **self.render(message)}
        begun = time.monotonic()
        first = RECEIPT.fullmatch(message.reply_to)
        # The stack's channel may be another one since then.
        if first and first["channel"] == self._channel:
            thread = {"thread_ts": first["ts"], "reply_broadcast": message.kind not in IN_THREAD_ONLY}
            try:
                return _receipt(self._post.post(payload | thread))
            except NoThread:
                pass
        return _receipt(self._post.post(payload, spent=time.monotonic() - begun))

    def update(self, message: Message, receipt: str) -> None:
        """Show the message in place of the one with the receipt. Slack tells nobody of an edit.

        parse: without it, Slack takes "client" for an edit, which makes links of names.
        """
        posted = RECEIPT.fullmatch(receipt)
        if not posted:
            raise PermanentError("the receipt is not one of a message in Slack")
        rendered = self.render(message)
        content = {"text": rendered["text"], "blocks": rendered["blocks"], "parse": "none"}
        self._update.post({"channel": posted["channel"], "ts": posted["ts"], **content})


def _receipt(text: str) -> str | None:
    answer = read_answer(text)
    receipt = f"{answer.get('channel')}:{answer.get('ts')}"
    return receipt if RECEIPT.fullmatch(receipt) else None
