"""What the bot has posted to channels, with its threads and every edit."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Content:
    """What a message says. `text` is shown in notifications, the blocks in the channel."""

    text: str
    blocks: Sequence[Mapping[str, Any]] = ()

    @property
    def has_rich_text(self) -> bool:
        return any(block.get("type") == "rich_text" for block in self.blocks)


@dataclass(frozen=True)
class SlackMessage:
    """A message of the bot."""

    channel: str
    ts: str  # unique in its channel, and greater than those before
    shown: Content  # what is shown now
    thread_ts: str = ""  # of the first message of its thread; empty: it is in the channel itself
    is_broadcast: bool = False  # a reply that is shown in the channel, too
    before: tuple[Content, ...] = ()  # what it showed before each edit

    @property
    def edits(self) -> int:
        return len(self.before)


@dataclass(frozen=True)
class Board:
    """The messages in the channel itself: how many, how often they were edited, and what the last one says."""

    posts: int
    edits: int
    last: str


class ChannelHistory:
    """The messages of all channels. Several threads may use it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._messages: dict[tuple[str, str], SlackMessage] = {}
        self._last = 0  # microseconds

    def all(self) -> list[SlackMessage]:
        """The messages in the order of their posting, without deleted ones."""
        with self._lock:
            return sorted(self._messages.values(), key=lambda message: message.ts)

    def find(self, channel: str, ts: str) -> SlackMessage | None:
        with self._lock:
            return self._messages.get((channel, ts))

    def post(self, channel: str, content: Content, thread_ts: str = "", is_broadcast: bool = False) -> SlackMessage:
        with self._lock:
            self._last = max(self._last + 1, time.time_ns() // 1_000)
            ts = f"{self._last // 1_000_000}.{self._last % 1_000_000:06}"
            message = SlackMessage(channel, ts, content, thread_ts, is_broadcast)
            self._messages[channel, ts] = message
            return message

    def edit(self, message: SlackMessage, content: Content) -> SlackMessage:
        with self._lock:
            present = self._messages[message.channel, message.ts]
            edited = dataclasses.replace(present, shown=content, before=(*present.before, present.shown))
            self._messages[message.channel, message.ts] = edited
            return edited

    def delete(self, channel: str, ts: str) -> None:
        """Delete a message, as people may. Its replies stay."""
        with self._lock:
            del self._messages[channel, ts]

    def replies(self, message: SlackMessage) -> list[SlackMessage]:
        """The replies in the message's thread."""
        return [one for one in self.all() if (one.channel, one.thread_ts) == (message.channel, message.ts)]

    def board(self, holding: str = "") -> Board:
        """Count the messages in the channels themselves whose text holds `holding`, such as a job's name."""
        shown = [one for one in self.all() if not one.thread_ts and holding in one.shown.text]
        return Board(len(shown), sum(one.edits for one in shown), shown[-1].shown.text if shown else "")
