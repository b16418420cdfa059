"""What a notifier shows of a message on the preview page: the types of a plug-in's optional module `preview`.

A `preview.py` beside `notifier.py` offers `preview(notifier, message) -> Preview`. `notifier` is what `create` made of
the stack's settings; what is known only after a deploy, such as a topic's ARN, is a placeholder, and no secret can be
read. It runs on an operator's machine alone and sends nothing; the Lambda's package does not hold it. A notifier
without one is shown by the message's text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from batchbell.contract import Fact, Message, Notifier

__all__ = ["CreatePreview", "Form", "Part", "Preview"]


class Form(StrEnum):
    TEXT = "text"
    HTML = "html"  # in a frame of its own, where no script runs and nothing is fetched


@dataclass(frozen=True)
class Part:
    """One thing that people see, such as a card or a mail. `body`: plain text, or HTML in which every text that comes
    from the message is escaped. `facts`: what a reader sees beside it, such as a mail's subject."""

    label: str
    body: str
    form: Form = Form.TEXT
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True)
class Preview:
    """A message as the channel would show it."""

    parts: tuple[Part, ...]


CreatePreview = Callable[[Notifier, Message], Preview]
