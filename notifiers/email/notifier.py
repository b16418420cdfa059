"""Sends mail through Amazon SES. Sources: SES API v2 reference, "SendEmail"; RFC 3834 for automatic mail."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from batchbell.aws_clients import make_client
from batchbell.aws_errors import call_aws
from batchbell.contract import Message, PermanentError, Secrets
from batchbell.texts import as_text, shorten, tidy
from batchbell.time_limit import Connections

from .mailbox import Mailbox, is_address
from .page import render_page

ADDRESSES = ("From", "To")  # headers
RECIPIENTS_LIMIT = 50  # SES API v2 reference, "Destination"
OWNERS_LIMIT = 10  # jobs of a digest: one of more would be sent to a crowd
SUBJECT_LIMIT = 150  # characters: more than a mail program's list shows
# Errors that no retry can fix: of the account or the sender, and of the mail itself.
EVERY_MAIL = ("AccountSuspended", "SendingPaused", "MailFromDomainNotVerified", "NotFound")
PERMANENT = (*EVERY_MAIL, "MessageRejected", "BadRequest", "Validation")

# Settings that are passed to SendEmail as they are.
OPTIONS = {"configuration_set": "ConfigurationSetName", "identity_arn": "FromEmailAddressIdentityArn"}


def create(settings: Mapping[str, Any], secrets: Secrets) -> Email:
    options = {parameter: settings[name] for name, parameter in OPTIONS.items() if name in settings}
    return Email(
        settings["sender"], settings["recipients"], settings.get("region"), options, settings.get("owner_domains", ())
    )


class Email:
    """A verified sender, and up to 50 recipients, who see each other's addresses."""

    def __init__(
        self,
        sender: str,
        recipients: list[str],
        region: str | None = None,
        options: Mapping[str, str] | None = None,
        owner_domains: Sequence[str] = (),
    ) -> None:
        """Take the mail's sender and recipients.

        region: of SES; None for the function's own
        options: further parameters of SendEmail
        owner_domains: a job's owner who has an address there is a recipient, too
        """
        self._sender = Mailbox.parse(sender)
        self._recipients = list(recipients)
        self._region = region
        self._options = dict(options or {})
        self._owner_domains = [domain.lower() for domain in owner_domains]
        self._client: Any = None
        self._connections = Connections()

    def render(self, message: Message) -> dict[str, Any]:
        """Return the mail's headers and its two bodies, without sending it."""
        message = tidy(message)
        return self._render(message, self._with_owners(message))

    def _render(self, message: Message, recipients: Sequence[str]) -> dict[str, Any]:
        thread = hashlib.sha256((message.thread or message.key).encode()).hexdigest()[:32]
        return {
            "headers": {
                "From": str(self._sender),
                "To": ", ".join(recipients),
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
        message = tidy(message)
        recipients = self._with_owners(message)
        try:
            self._send(message, recipients)
        except PermanentError as refused:
            owners = recipients[len(self._recipients) :]
            if not owners or refused.every_message or refused.maybe_delivered:
                raise
            # SES refuses a mail for one recipient, such as an address that its sandbox does not know. Whoever may tag
            # jobs must not keep the others from their mail.
            without = message.with_note(f"SES refused this mail for {', '.join(owners)}: it was sent to the others.")
            self._send(without, self._recipients)

    def _with_owners(self, message: Message) -> list[str]:
        """Return the recipients and, after them, the jobs' owners who have an address in `owner_domains`."""
        owners = (
            [message.owner]
            if not message.jobs
            else [job.owner for job in message.jobs if len(message.jobs) <= OWNERS_LIMIT]
        )
        found = {address.lower(): address for address in self._recipients}
        for owner in owners:
            if is_address(owner) and owner.rpartition("@")[2].lower() in self._owner_domains:
                found.setdefault(owner.lower(), owner)
        return list(found.values())[:RECIPIENTS_LIMIT]

    def _send(self, message: Message, recipients: Sequence[str]) -> None:
        mail = write_mail(self._render(message, recipients))
        call_aws(
            "SES",
            lambda: self._call(mail, recipients),
            PERMANENT,
            every_message=EVERY_MAIL,
            connections=self._connections,
        )

    def prepare(self) -> None:
        """Make the client."""
        self._client = self._client or make_client("sesv2", self._region)

    def _call(self, mail: bytes, recipients: Sequence[str]) -> Mapping[str, Any]:
        self.prepare()
        response: Mapping[str, Any] = self._client.send_email(
            FromEmailAddress=str(self._sender),
            Destination={"ToAddresses": list(recipients)},
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
