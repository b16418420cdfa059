"""Makes MiniStack's SES v2 judge and remember what a mail was sent with, in its process.

SendEmail refuses a configuration set that does not exist in the endpoint's region, and an identity ARN of another
region. (SES API v2 reference, "SendEmail"; SES Developer Guide, "Sending emails for the identity owner": a sender has
to connect to the endpoint in the identity's region.) MiniStack ignores both. The mailbox also has the region, the
configuration set, the identity ARN and the References header of each mail, and the mails of all regions in one order.
"""

from __future__ import annotations

import base64
import binascii
import email
import json
from typing import Any

from ministack import app
from ministack.core.responses import get_region
from ministack.services import ses, ses_v2

from .permissions import SEND_EMAIL_PATH, parse_mail

Response = tuple[int, dict[str, str], bytes]
REGION = "Region"
REFERENCES = "References"  # by which mail programs put mails into one thread
REMEMBERED = ("ConfigurationSetName", "FromEmailAddressIdentityArn")


def install() -> None:
    """Make this process's MiniStack do so."""
    _judge_and_remember()
    _show_in_mailbox()


def _judge_and_remember() -> None:
    handle = ses_v2.handle_request

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
    ) -> Response:
        mail = parse_mail(body) if (method, path.rstrip("/")) == ("POST", SEND_EMAIL_PATH) else None
        if mail is None:
            response: Response = await handle(method, path, headers, body, query_params)
            return response
        if (refusal := _refusal(mail)) is not None:
            return refusal
        response = await handle(method, path, headers, body, query_params)
        if response[0] == 200:
            sent = ses._sent_emails_list()[-1]  # nothing else runs between the two: `handle` never awaits
            sent |= {
                REGION: get_region(),
                REFERENCES: _references(mail),
                **{name: mail[name] for name in REMEMBERED if mail.get(name)},
            }
        return response

    ses_v2.handle_request = handle_request


def _references(mail: dict[str, Any]) -> str:
    """Empty if the mail is not raw, or has no such header."""
    try:
        raw = base64.b64decode(mail["Content"]["Raw"]["Data"])
    except (KeyError, TypeError, binascii.Error):
        return ""
    return str(email.message_from_bytes(raw).get(REFERENCES, ""))


def _refusal(mail: dict[str, Any]) -> Response | None:
    name, identity = mail.get("ConfigurationSetName"), mail.get("FromEmailAddressIdentityArn")
    if name and name not in ses_v2._config_sets:
        response: Response = ses_v2._json_err("NotFoundException", f"Configuration set <{name}> does not exist.", 404)
        return response
    if identity and identity.split(":")[3] != get_region():
        response = ses_v2._json_err("BadRequestException", f"Resource <{identity}> must be in the same region")
        return response
    return None


def _show_in_mailbox() -> None:
    show = app._handle_ses_messages_request

    async def show_with_more(
        method: str, path: str, headers: dict[str, str], query_params: dict[str, Any]
    ) -> Response | None:
        response: Response | None = await show(method, path, headers, query_params)
        if response is None or response[0] != 200:
            return response
        answer = json.loads(response[2])
        records = [one for many in ses._sent_emails.to_dict().values() if isinstance(many, list) for one in many]
        sent = {
            one["MessageId"]: {name: one.get(name) for name in (REGION, REFERENCES, *REMEMBERED)} for one in records
        }
        for mails in answer["messages"].values():
            for mail in mails:
                mail |= sent[mail["MessageId"]]
            mails.sort(key=lambda mail: mail["Timestamp"])
        return response[0], response[1], json.dumps(answer).encode()

    app._handle_ses_messages_request = show_with_more
