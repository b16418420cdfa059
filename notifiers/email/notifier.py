"""Sends mail through Amazon SES. Sources: SES API v2 reference, "SendEmail"; RFC 3834 for automatic mail."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from batchbell.aws_clients import make_client
from batchbell.aws_errors import call_aws
from batchbell.contract import Message, Secrets
from batchbell.texts import as_text, shorten, tidy
from batchbell.time_limit import Connections

from .mailbox import Mailbox
from .page import render_page

ADDRESSES = ("From", "To")  # headers
SUBJECT_LIMIT = 150  # characters: more than a mail program's list shows
# Errors that no retry can fix: of the account or the sender, and of the mail itself.
EVERY_MAIL = ("AccountSuspended", "SendingPaused", "MailFromDomainNotVerified", "NotFound")
PERMANENT = (*EVERY_MAIL, "MessageRejected", "BadRequest", "Validation")

# Settings that are passed to SendEmail as they are.
OPTIONS = {"configuration_set": "ConfigurationSetName", "identity_arn": "FromEmailAddressIdentityArn"}


def create(settings: Mapping[str, Any], secrets: Secrets) -> Email:
    options = {parameter: settings[name] for name, parameter in OPTIONS.items() if name in settings}
    return Email(settings["sender"], settings["recipients"], settings.get("region"), options)


class Email:
    """A verified sender, and up to 50 recipients, who see each other's addresses."""

    def __init__(
        self, sender: str, recipients: list[str], region: str | None = None, options: Mapping[str, str] | None = None
    ) -> None:
        """Take the mail's sender and recipients.

        region: of SES; None for the function's own
        options: further parameters of SendEmail
        """
        self._sender = Mailbox.parse(sender)
        self._recipients = list(recipients)
        self._region = region
        self._options = dict(options or {})
        self._client: Any = None
        self._connections = Connections()

    def render(self, message: Message) -> dict[str, Any]:
        """Return the mail's headers and its two bodies, without sending it."""
        message = tidy(message)
        thread = hashlib.sha256((message.thread or message.key).encode()).hexdigest()[:32]
        return {
            "headers": {
                "From": str(self._sender),
                "To": ", ".join(self._recipients),
                "Subject": _subject(message.title),
                # Keeps all mails about one job, and repeats, in one thread. (SES replaces Message-ID.)
                "References": f"<{thread}@batchbell>",
                "Auto-Submitted": "auto-generated",  # prevents out-of-office replies
            },
            "text": as_text(message),
            "html": render_page(message),
        }

    def send(self, message: Message) -> None:
        """Send the mail. Raises TemporaryError, or PermanentError for the codes in `PERMANENT`."""
        mail = write_mail(self.render(message))
        call_aws("SES", lambda: self._send(mail), PERMANENT, every_message=EVERY_MAIL, connections=self._connections)

    def _send(self, mail: bytes) -> Mapping[str, Any]:
        if self._client is None:
            self._client = make_client("sesv2", self._region)
        response: Mapping[str, Any] = self._client.send_email(
            FromEmailAddress=str(self._sender),
            Destination={"ToAddresses": self._recipients},
            Content={"Raw": {"Data": mail}},
            **self._options,
        )
        return response


def write_mail(rendered: Mapping[str, Any]) -> bytes:
    """Return the mail as MIME in 7-bit lines of less than 1,000 characters, as SES requires."""
    mail = EmailMessage(policy=SMTP)
    for name, value in rendered["headers"].items():
        if name not in ADDRESSES:
            mail[name] = value
    mail.set_content(rendered["text"], cte="quoted-printable")
    mail.add_alternative(rendered["html"], subtype="html", cte="quoted-printable")
    # Not by EmailMessage, which reads what it is given, and loses quotes where it folds (python/cpython#121284).
    addresses = "".join(f"{name}: {_fold(rendered['headers'][name])}\r\n" for name in ADDRESSES)
    return addresses.encode("ascii") + mail.as_bytes()


def _fold(addresses: str) -> str:
    """Break the line after each address and each encoded word: RFC 5322, "Folding White Space"."""
    return re.sub(r"(,|\?=) ", "\\1\r\n ", addresses)


def _subject(title: str) -> str:
    """Shorten the title, and break encoded words.

    EmailMessage decodes them when a header is assigned, and decoded line breaks would start new headers (tried: Bcc).
    """
    return shorten(title.replace("=?", "= ?"), SUBJECT_LIMIT)
