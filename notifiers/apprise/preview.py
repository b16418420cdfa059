"""Draws what services get. Runs only on an operator's machine, for the command `preview`.

The service is named by the URL, a secret that no preview reads: so one that takes plain text stands for its like, and
one that takes Markdown.
"""

from __future__ import annotations

from batchbell.contract import Fact, Message, Notifier
from batchbell.preview import Part, Preview

from .target import open_target
from .text import write

TARGETS = {"Plain text, as ntfy gets it": "ntfy://topic", "Markdown, as Discord gets it": "discord://000000/token"}


def preview(notifier: Notifier, message: Message) -> Preview:
    texts = {label: write(message, open_target(url)) for label, url in TARGETS.items()}
    return Preview(tuple(Part(label, text.body, facts=(Fact("Title", text.title),)) for label, text in texts.items()))
