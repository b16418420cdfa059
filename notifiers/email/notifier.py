"""Sends mail through Amazon SES. Sources: SES API v2 reference, "SendEmail"; RFC 3834 for automatic mail."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr, parseaddr
from html import escape
from typing import Any

from batchbell.aws_answers import ask, make_client
from batchbell.contract import DigestEntry, FailureGroup, Link, Message, Secrets, Severity
from batchbell.texts import as_text, children, cut, headline, name_job, tidy

SUBJECT_LIMIT = 150  # characters: more than a list of mails shows
# What no retry mends: the account, the sender or the mail itself.
PERMANENT = (
    "MessageRejected",
    "AccountSuspended",
    "SendingPaused",
    "MailFromDomainNotVerified",
    "BadRequest",
    "NotFound",
    "Validation",
)
COLOURS = {  # readable on white and on black
    Severity.SUCCESS: "#2e9e5b",
    Severity.FAILURE: "#e0454d",
    Severity.WARNING: "#c98500",
    Severity.INFO: "#4a90d9",
}


def create(settings: Mapping[str, Any], secrets: Secrets) -> Email:
    return Email(settings["sender"], settings["recipients"])


class Email:
    """A sender that SES has verified, and up to 50 recipients, who see each other."""

    def __init__(self, sender: str, recipients: list[str]) -> None:
        self._sender = formataddr(parseaddr(sender))  # a name that is not ASCII is encoded
        self._recipients = list(recipients)
        self._client: Any = None

    def render(self, message: Message) -> dict[str, Any]:
        """The mail's headers and its two bodies, without sending it."""
        message = tidy(message)
        thread = hashlib.sha256(message.key.encode()).hexdigest()[:32]
        return {
            "headers": {
                "From": self._sender,
                "To": ", ".join(self._recipients),
                "Subject": _subject(message.title),
                # SES replaces Message-ID. This keeps a repeat in the thread of the mail that it repeats.
                "References": f"<{thread}@batchbell>",
                "Auto-Submitted": "auto-generated",  # so that no out-of-office reply comes back
            },
            "text": as_text(message),
            "html": render_html(message),
        }

    def send(self, message: Message) -> None:
        """Raise TemporaryError or PermanentError, as `PERMANENT` and `batchbell.aws_answers` say."""
        mail = write_mail(self.render(message))
        ask("SES", lambda: self._send(mail), PERMANENT)

    def _send(self, mail: bytes) -> Mapping[str, Any]:
        if self._client is None:
            self._client = make_client("sesv2")
        answer: Mapping[str, Any] = self._client.send_email(
            FromEmailAddress=self._sender,
            Destination={"ToAddresses": self._recipients},
            Content={"Raw": {"Data": mail}},
        )
        return answer


def write_mail(rendered: Mapping[str, Any]) -> bytes:
    """MIME, in 7-bit lines of less than 1,000 characters, as SES takes it."""
    mail = EmailMessage(policy=SMTP)
    for name, value in rendered["headers"].items():
        mail[name] = value
    mail.set_content(rendered["text"], cte="quoted-printable")
    mail.add_alternative(rendered["html"], subtype="html", cte="quoted-printable")
    return mail.as_bytes()


def _subject(title: str) -> str:
    """Cut, and without the start of an encoded word: EmailMessage decodes what is assigned to a header, and line ends
    that come out of it begin new headers (tried: Bcc)."""
    return cut(title.replace("=?", "= ?"), SUBJECT_LIMIT)


def render_html(message: Message) -> str:
    """A tidy message as a page of tables, since mail programs know little else. The colours of text and background
    are the reader's own, light or dark."""
    facts = "".join(
        f'<tr><th align="left" valign="top" style="padding:2px 16px 2px 0;font-weight:600">{escape(fact.label)}</th>'
        f'<td valign="top" style="padding:2px 0;word-break:break-word">{escape(fact.value)}</td></tr>\n'
        for fact in message.facts
    )
    jobs = "".join(_job_row(job) for job in message.jobs)
    failures = "".join(_failure_row(group) for group in message.failures)
    notes = "".join(f'<p style="margin:12px 0 0;font-style:italic">{escape(note)}</p>\n' for note in message.notes)
    links = " &middot; ".join(_link(link) for link in message.links)
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{escape(message.title)}</title>
</head>
<body style="margin:0;padding:16px;font:15px/1.45 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif">
<table role="presentation" width="100%" cellspacing="0" cellpadding="0" style="max-width:640px">
<tr><td style="border-left:4px solid {COLOURS[message.severity]};padding:2px 0 2px 12px">
<h1 style="margin:0;font-size:19px;word-break:break-word">{escape(message.title)}</h1>
<p style="margin:4px 0 0">{escape(message.summary)}</p>
</td></tr>
<tr><td style="padding:16px 0 0"><table cellspacing="0" cellpadding="0">
{facts}</table></td></tr>
<tr><td style="padding:8px 0 0"><table cellspacing="0" cellpadding="0">
{jobs}</table></td></tr>
{failures}<tr><td style="padding:4px 0 0">
{notes}<p style="margin:16px 0 0">{links}</p>
</td></tr>
</table>
</body>
</html>
"""


def _job_row(job: DigestEntry) -> str:
    return (
        f'<tr><td style="border-left:4px solid {COLOURS[job.severity]};padding:2px 12px;word-break:break-word">'
        f"{escape(name_job(job))}</td>"
        f'<td valign="top" style="padding:2px 0">{_link(job.link) if job.link else ""}</td></tr>\n'
    )


def _failure_row(group: FailureGroup) -> str:
    details = [escape(children(group)), _link(group.log) if group.log else ""]
    return (
        '<tr><td style="padding:12px 0 0;word-break:break-word">'
        f"<strong>{escape(headline(group))}</strong><br>{' &middot; '.join(filter(None, details))}</td></tr>\n"
    )


def _link(link: Link) -> str:
    return f'<a href="{escape(link.url)}">{escape(link.label)}</a>'
