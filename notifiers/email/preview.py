"""Both forms of the mail. Runs on an operator's machine, for `python -m batchbell preview`."""

from __future__ import annotations

from batchbell.contract import Fact, Message
from batchbell.preview import Form, Part, Preview

from .notifier import Email

SHOWN = ("Subject", "From", "To")  # of the headers


def preview(notifier: Email, message: Message) -> Preview:
    mail = notifier.render(message)
    headers = tuple(Fact(name, mail["headers"][name]) for name in SHOWN)
    return Preview(
        (
            Part("Mail", mail["html"], Form.HTML, headers),
            Part("The same mail as plain text", mail["text"]),
        )
    )
