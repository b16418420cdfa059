"""What goes in as sender and recipients comes out in From, To, the envelope and the policy, or is refused."""

from __future__ import annotations

import json
import re
from email.header import decode_header, make_header
from typing import Any

import pulumi
import pytest
from pydantic import ValidationError

from batchbell.contract import Message
from batchbell.provisioning import Context
from notifiers.email import infrastructure
from notifiers.email.notifier import create
from tests.notifiers.email.mail import read

ADDRESS = "batch@example.com"
LONG_ADDRESS = f"{'a' * 64}@{'b' * 63}.{'c' * 63}.example.com"
CONTEXT = Context("batchbell", "aws", "us-east-1", "123456789012")

NAMES = {
    "words": "Batch Bell",
    "brackets": "Batch [prod]",
    "parentheses": "Batch (prod)",
    "one bracket": "Batch [prod",
    "comma": "Batch, prod",
    "all that separates": "Batch: prod; (a) [b], c.",
    "dots": "Batch P.",
    "apostrophe": "O'Brien & Co.",
    "not ASCII": "Bjørn Пакет",
    "not ASCII, with what separates": "Fuß, Bar [x] (y): z",
    "emoji": "🔔 Batch",
    "joined emoji": "👩‍💻 Batch",
    "100 characters": "x" * 100,
}
SPELLINGS = {
    **{name: (f"{name_} <{ADDRESS}>", name_) for name, name_ in NAMES.items()},
    "in quotes": (f'"Batch, prod" <{ADDRESS}>', "Batch, prod"),
    "quotes in quotes": (rf'"Batch \"prod\" \\ x" <{ADDRESS}>', 'Batch "prod" \\ x'),
    "no space": (f"Batch<{ADDRESS}>", "Batch"),
    "no name": (ADDRESS, ""),
}


def provisioned(sender: str, recipients: Any = ("one@example.com",)) -> tuple[Any, dict[str, Any]]:
    """Return the address that the policy allows, and the settings that the function gets."""
    settings = infrastructure.Settings(sender=sender, recipients=recipients)
    grants = infrastructure.provision("team", settings, opts=pulumi.ResourceOptions(), context=CONTEXT)
    (statement,) = grants.statements
    assert statement.condition
    return statement.condition["StringEquals"]["ses:FromAddress"], json.loads(json.dumps(grants.settings))


def sent(monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], message: Message) -> dict[str, Any]:
    """Send the message, and return the parameters of SES's SendEmail."""
    calls: list[dict[str, Any]] = []

    class Ses:
        def send_email(self, **parameters: Any) -> dict[str, Any]:
            calls.append(parameters)
            return {"MessageId": "0100018"}

    monkeypatch.setattr("notifiers.email.notifier.make_client", lambda service, region: Ses())
    create(settings, {}).send(message)
    return calls[0]


@pytest.mark.parametrize(("sender", "name"), SPELLINGS.values(), ids=SPELLINGS)
def test_a_sender_arrives_as_it_was_written(
    sender: str, name: str, failed: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed, settings = provisioned(sender)
    call = sent(monkeypatch, settings, failed)
    (shown,) = read(call["Content"]["Raw"]["Data"])["From"].addresses

    assert allowed == shown.addr_spec == ADDRESS
    assert shown.display_name == name
    assert call["FromEmailAddress"].isascii()
    assert [*read(f"From: {call['FromEmailAddress']}\r\n\r\n".encode())["From"].addresses] == [shown]


def test_a_name_of_several_encoded_words_arrives_whole(failed: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "🔔" * 100
    _, settings = provisioned(f"{name} <{LONG_ADDRESS}>")
    raw = sent(monkeypatch, settings, failed)["Content"]["Raw"]["Data"]
    header = raw.partition(b"From: ")[2].partition(b"\r\nTo:")[0].decode()

    words, _, address = header.rpartition("\r\n ")
    assert str(make_header(decode_header(words))) == name  # RFC 2047: white space between words does not count
    assert address == f"<{LONG_ADDRESS}>"
    assert all(len(word) <= 75 for word in words.split())


def test_every_recipient_arrives_as_it_was_written(failed: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    recipients = [LONG_ADDRESS, "o'brien+batch@example.com", "a.b-c_d@sub.example.com", "a{b}|~!#$%&*/?=^`@example.com"]
    recipients += [f"team-{number}@example.com" for number in range(46)]
    _, settings = provisioned(ADDRESS, recipients)
    call = sent(monkeypatch, settings, failed)

    assert call["Destination"] == {"ToAddresses": recipients}
    assert [one.addr_spec for one in read(call["Content"]["Raw"]["Data"])["To"].addresses] == recipients


@pytest.mark.parametrize(
    "address",
    [
        "=?utf-8?q?victim?=@example.com",  # decoded where a header is read
        "a${*}@example.com",  # a variable where a policy is read
        "a..b@example.com",
        ".a@example.com",
        "a.@example.com",
        '"a b"@example.com',
        "bjørn@example.com",
        "a@bjørn.example",
        f"{'a' * 65}@example.com",
        f"a@{'b' * 63}.{'c' * 63}.{'d' * 63}.{'e' * 63}.example.com",
        "a@example.com (team)",
        "a@[192.0.2.1]",
        "Team <a@example.com",
    ],
)
def test_an_address_that_something_reads_as_syntax_is_refused(address: str) -> None:
    for sender in (address, f"Batch <{address}>"):
        with pytest.raises(ValidationError, match="takes an e-mail address"):
            infrastructure.Settings(sender=sender, recipients=("one@example.com",))
    with pytest.raises(ValidationError, match="takes an e-mail address"):
        infrastructure.Settings(sender=ADDRESS, recipients=(address,))


@pytest.mark.parametrize(
    ("name", "takes"),
    [
        ('Batch "prod"', "quotes around the whole name"),
        ('"Batch" prod', "quotes around the whole name"),
        (r"Batch \ prod", "quotes around the whole name"),
        ("=?utf-8?q?Batch?=", "as people read it"),
        ('"=?utf-8?b?QmF0Y2g=?="', "as people read it"),
        ("other@example.com", "without @"),
        ("other@example.com, Batch", "without @"),
        ("Batch  prod", "1 to 100 characters"),
        (" Batch", "1 to 100 characters"),
        ("Batch\tprod", "1 to 100 characters"),
        ("Batch\r\nBcc: x", "1 to 100 characters"),
        ("Batch\u202eprod", "1 to 100 characters"),
        ('""', "1 to 100 characters"),
        ("x" * 101, "1 to 100 characters"),
        ("Batch <prod>", "Name <address>"),
    ],
)
def test_a_name_that_cannot_arrive_as_it_was_written_is_refused_with_the_reason(name: str, takes: str) -> None:
    with pytest.raises(ValidationError, match=f"takes an e-mail address, or .*{re.escape(takes)}"):
        infrastructure.Settings(sender=f"{name} <{ADDRESS}>", recipients=("one@example.com",))


@pytest.mark.parametrize(
    ("address", "takes"),
    [
        ("a@b\u00fccher.example", "in ASCII: a domain with other letters begins with xn--"),
        ("bj\u00f8rn@example.com", "in ASCII: a domain with other letters begins with xn--"),
        ("Team <a@example.com>", "takes an e-mail address without a name"),
        ("Bj\u00f8rn <a@example.com>", "takes an e-mail address without a name"),
    ],
)
def test_a_recipient_is_refused_with_the_reason(address: str, takes: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(takes)):
        infrastructure.Settings(sender=ADDRESS, recipients=(address,))


@pytest.mark.parametrize("sender", ["a@b\u00fccher.example", "Batch <a@b\u00fccher.example>"])
def test_a_sender_with_an_address_of_other_letters_is_refused_with_the_reason(sender: str) -> None:
    with pytest.raises(ValidationError, match="with the address in ASCII"):
        infrastructure.Settings(sender=sender, recipients=("one@example.com",))
