"""Types for a notifier's optional module `preview`, which draws a message for the preview page.

A `preview.py` beside `notifier.py` has a function `preview(notifier, message) -> Preview`. `create` made the notifier
from the stack's settings; values that are known only after a deploy, such as a topic's ARN, are placeholders, and no
secret can be read. It runs only on an operator's machine, sends nothing, and is not in the Lambda's package. For a
notifier without this module, the page shows the message as plain text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from batchbell.contract import Fact, Message, Notifier

__all__ = ["CreatePreview", "Form", "Part", "Preview"]


class Form(StrEnum):
    """How a part is written."""

    TEXT = "text"
    HTML = "html"  # shown in a sandboxed frame: no script runs, nothing is fetched


@dataclass(frozen=True)
class Part:
    """One thing that people see, such as a card or a mail.

    label: a heading, such as "Mail".
    body: plain text, or HTML in which every text from the message is escaped.
    facts: what a reader sees next to it, such as a mail's subject.
    """

    label: str
    body: str
    form: Form = Form.TEXT
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True)
class Preview:
    """A message as the channel would show it."""

    parts: tuple[Part, ...]


CreatePreview = Callable[[Notifier, Message], Preview]
