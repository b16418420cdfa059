"""Draws both forms of the mail. Runs only on an operator's machine, for the command `preview`."""

from __future__ import annotations

from email.header import decode_header, make_header

from batchbell.contract import Fact, Message
from batchbell.preview import Form, Part, Preview

from .notifier import Email

SHOWN_HEADERS = ("Subject", "From", "To")


def preview(notifier: Email, message: Message) -> Preview:
    mail = notifier.render(message)
    headers = tuple(Fact(name, str(make_header(decode_header(mail["headers"][name])))) for name in SHOWN_HEADERS)
    return Preview(
        (
            Part("Mail", mail["html"], Form.HTML, headers),
            Part("The same mail as plain text", mail["text"]),
        )
    )
