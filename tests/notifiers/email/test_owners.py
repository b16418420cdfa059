"""A mail to the job's owner, who is named by a tag, which anybody may set who submits jobs."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from batchbell.contract import Message, PermanentError
from notifiers.email.notifier import create

TEAM = "team@example.com"


class Ses:
    """Refuses mails to unknown addresses, as SES's sandbox does."""

    def __init__(self, known: tuple[str, ...] = (TEAM,)) -> None:
        self.known = known
        self.sent: list[dict[str, Any]] = []

    def send_email(self, **request: Any) -> dict[str, str]:
        from botocore.exceptions import ClientError

        if not set(request["Destination"]["ToAddresses"]) <= set(self.known):
            raise ClientError({"Error": {"Code": "MessageRejected", "Message": "not verified"}}, "SendEmail")
        self.sent.append(request)
        return {"MessageId": "1"}


def recipients(message: Message, owner: str, **settings: Any) -> str:
    given = {"sender": "batch@example.com", "recipients": [TEAM], "owner_domains": ["example.com"], **settings}
    headers: dict[str, str] = create(given, {}).render(dataclasses.replace(message, owner=owner))["headers"]
    return headers["To"]


@pytest.mark.parametrize("owner", ["bob@example.com", "Bob.B+jobs@Example.COM"])
def test_an_owner_with_an_address_in_the_domains_is_a_recipient(failed: Message, owner: str) -> None:
    assert recipients(failed, owner) == f"{TEAM}, {owner}"


@pytest.mark.parametrize(
    "owner",
    [
        "",
        "bob",
        "bob@evil.example",
        "bob@example.com.evil.example",
        "bob@sub.example.com",
        "bob@example.com, eve@evil.example",
        "Bob <bob@example.com>",
        "bob@example.com\nBcc: eve@evil.example",
        "=?utf-8?q?bob?=@example.com",
        "Team@Example.com",
    ],
)
def test_no_other_owner_is_added(failed: Message, owner: str) -> None:
    assert recipients(failed, owner) == TEAM


def test_without_domains_nobody_is_added(failed: Message) -> None:
    assert recipients(failed, "bob@example.com", owner_domains=[]) == TEAM


def test_if_ses_refuses_the_owner_the_others_get_the_mail_which_says_so(
    failed: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    ses = Ses()
    monkeypatch.setattr("notifiers.email.notifier.make_client", lambda service, region: ses)
    settings = {"sender": "batch@example.com", "recipients": [TEAM], "owner_domains": ["example.com"]}
    create(settings, {}).send(dataclasses.replace(failed, owner="bob@example.com"))

    (request,) = ses.sent
    assert request["Destination"] == {"ToAddresses": [TEAM]}
    assert b"SES refused this mail for bob@example.com" in request["Content"]["Raw"]["Data"].replace(b"=\r\n", b"")


def test_a_refusal_of_the_recipients_themselves_stays_one(failed: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    ses = Ses(known=())
    monkeypatch.setattr("notifiers.email.notifier.make_client", lambda service, region: ses)
    settings = {"sender": "batch@example.com", "recipients": [TEAM], "owner_domains": ["example.com"]}
    with pytest.raises(PermanentError, match="MessageRejected"):
        create(settings, {}).send(dataclasses.replace(failed, owner="bob@example.com"))
    assert ses.sent == []
