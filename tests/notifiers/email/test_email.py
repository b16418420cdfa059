"""What arrives in a mailbox of the local SES, what the MIME holds, and what SES's errors mean."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest

from batchbell.aws_clients import make_client
from batchbell.contract import Message, PermanentError, TemporaryError
from batchbell_local.cloud import LocalCloud
from notifiers.email.notifier import create, write_mail
from tests.notifiers.email.mail import Page, body, read

SENDER = "batch@example.com"
SETTINGS = {"sender": f"Batch Bell <{SENDER}>", "recipients": ["one@example.com", "two@example.com"]}


def parse(message: Message, settings: Any = None) -> EmailMessage:
    """Render a message, and parse the mail as a mail program does."""
    return read(write_mail(create(settings or SETTINGS, {}).render(message)))


def test_a_mail_arrives_at_every_recipient_once(verified: LocalCloud, failed: Message) -> None:
    before = len(verified.mailbox())
    create(SETTINGS, {}).send(failed)
    (mail,) = verified.mailbox()[before:]
    assert mail["To"] == SETTINGS["recipients"]
    assert SENDER in mail["Source"]
    assert mail["Subject"] == failed.title
    for text in (mail["BodyText"], mail["BodyHtml"]):
        assert failed.summary in text
        assert "2x Essential container in task exited (exit code 1)" in text


def test_an_unverified_sender_is_a_permanent_error_with_the_reason(in_cloud: LocalCloud, failed: Message) -> None:
    with pytest.raises(PermanentError, match=r"MessageRejected.*not verified"):
        create({"sender": "stranger@elsewhere.example", "recipients": ["one@example.com"]}, {}).send(failed)


@pytest.fixture
def abroad(in_cloud: LocalCloud) -> Any:
    """SES in eu-west-1, where example.net is verified, as nowhere else, with the configuration set `transactional`."""
    ses = make_client("sesv2", "eu-west-1")
    if "example.net" not in [one["IdentityName"] for one in ses.list_email_identities()["EmailIdentities"]]:
        ses.create_email_identity(EmailIdentity="example.net")
    if "transactional" not in ses.list_configuration_sets()["ConfigurationSets"]:
        ses.create_configuration_set(ConfigurationSetName="transactional")
    return ses


ABROAD = {
    "sender": "batch@example.net",
    "recipients": ["one@example.com"],
    "region": "eu-west-1",
    "configuration_set": "transactional",
    "identity_arn": "arn:aws:ses:eu-west-1:123456789012:identity/example.net",
}


@pytest.mark.usefixtures("abroad")
def test_a_mail_is_sent_in_its_region_with_its_configuration_set_and_identity(
    in_cloud: LocalCloud, failed: Message
) -> None:
    before = len(in_cloud.mailbox())
    create(ABROAD, {}).send(failed)
    (mail,) = in_cloud.mailbox()[before:]
    assert mail["Region"] == "eu-west-1"
    assert mail["ConfigurationSetName"] == "transactional"
    assert mail["FromEmailAddressIdentityArn"] == ABROAD["identity_arn"]


@pytest.mark.usefixtures("abroad")
@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"region": "us-east-1", "configuration_set": "", "identity_arn": ""}, "MessageRejected.*not verified"),
        ({"configuration_set": "marketing"}, "NotFoundException.*marketing"),
        ({"identity_arn": "arn:aws:ses:us-east-1:123456789012:identity/example.net"}, "must be in the same region"),
    ],
)
def test_a_place_that_ses_refuses_is_a_permanent_error(
    in_cloud: LocalCloud, failed: Message, settings: dict[str, str], reason: str
) -> None:
    before = len(in_cloud.mailbox())
    with pytest.raises(PermanentError, match=reason):
        create({name: value for name, value in (ABROAD | settings).items() if value}, {}).send(failed)
    assert len(in_cloud.mailbox()) == before


def test_a_mail_without_these_settings_leaves_them_to_ses(verified: LocalCloud, failed: Message) -> None:
    before = len(verified.mailbox())
    create(SETTINGS, {}).send(failed)
    (mail,) = verified.mailbox()[before:]
    assert (mail["Region"], mail["ConfigurationSetName"], mail["FromEmailAddressIdentityArn"]) == (
        "us-east-1",
        None,
        None,
    )


def test_both_bodies_hold_everything(failed: Message) -> None:
    mail = parse(failed)
    page = Page(body(mail, "html"))
    for text in (body(mail, "plain"), page.text):
        for part in (failed.title, failed.summary, "print-color-queue", "3 min 20 s", "children 2, 5", *failed.notes):
            assert part in text
    assert failed.failures[0].log is not None
    assert page.links == [failed.failures[0].log.url, failed.links[0].url]
    assert failed.links[0].url in body(mail, "plain")


def test_all_mails_about_one_job_are_one_thread_and_get_no_auto_replies(failed: Message, succeeded: Message) -> None:
    mail, repeat, same = parse(failed), parse(failed.with_note("May be a repeat.")), parse(succeeded)
    other = parse(dataclasses.replace(failed, thread="another job"))
    assert mail["Auto-Submitted"] == "auto-generated"
    assert re.fullmatch(r"<[0-9a-f]{32}@batchbell>", mail["References"])
    assert mail["References"] == repeat["References"] == same["References"] != other["References"]
    assert mail["From"] == "Batch Bell <batch@example.com>"
    assert mail["To"] == "one@example.com, two@example.com"


def test_a_message_without_a_thread_shares_one_only_with_its_repeat(failed: Message, succeeded: Message) -> None:
    """Tickets of earlier versions have no thread."""
    mail, repeat, other = (parse(dataclasses.replace(one, thread="")) for one in (failed, failed, succeeded))
    assert mail["References"] == repeat["References"] != other["References"]


def test_a_page_fits_a_phone_and_works_in_dark_mode(failed: Message) -> None:
    html = body(parse(failed), "html")
    (widest,) = re.findall(r"width:100%;max-width:(\d+)px", html)
    assert int(widest) <= 600
    assert not re.findall(r"[^-]width:\s*\d+px|background|<style|<img", html)
    assert '<meta name="color-scheme" content="light dark">' in html
    for colour in re.findall(r"#[0-9a-f]{6}", html):
        assert all(contrast(colour, background) >= 3 for background in ("#ffffff", "#000000")), colour
    (link,) = set(re.findall(r"<a [^>]*color:(#[0-9a-f]{6})", html))
    assert all(contrast(link, background) >= 4.5 for background in ("#ffffff", "#000000"))


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, as WCAG 2.2 defines it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_a_senders_name_may_be_in_any_script(failed: Message) -> None:
    mail = parse(failed, {"sender": "Bjørn Пакет <batch@example.com>", "recipients": ["one@example.com"]})
    assert mail["From"].addresses[0].display_name == "Bjørn Пакет"
    assert mail["From"].addresses[0].addr_spec == SENDER


@pytest.mark.parametrize(
    "title",
    [
        "=?utf-8?q?a=0D=0ABcc:_victim@example.com?=",
        "=?utf-8?b?YQ0KQmNjOiB2aWN0aW1AZXhhbXBsZS5jb20=?=",
        "é =?utf-8?q?Your_password?= =?utf-8?q?_has_expired?=",
        "=?iso-8859-1*en?q?Your_password?=",
        "=" + "?" * 3 + "=?=?utf-8?q?a?=",
    ],
)
def test_an_encoded_word_in_a_title_is_not_decoded(failed: Message, title: str) -> None:
    mail = parse(dataclasses.replace(failed, title=title))
    assert mail["Subject"] == title.replace("=?", "= ?")
    assert mail["Bcc"] is None


def test_a_digest_is_a_table_of_jobs_the_failed_ones_first(digest: Callable[..., Message]) -> None:
    message = digest(97, 3)
    mail = parse(message)
    page, text = Page(body(mail, "html")), body(mail, "plain")
    urls = [job.link.url for job in message.jobs if job.link]
    assert mail["Subject"] == "100 jobs finished: 3 failed, 97 succeeded"
    assert page.links == re.findall(r"https://\S+", text) == urls
    for shown in (page.text, text):
        names = re.findall(r"print-color-\d\d\d \w+: [a-z0-9 ]+ children(?: \(may be a repeat\))?", shown)
        assert names == [f"{job.title}{' (may be a repeat)' if job.may_be_repeat else ''}" for job in message.jobs]
        assert names[2] == "print-color-099 failed: 3 of 7 children (may be a repeat)"


def test_a_digest_arrives(verified: LocalCloud, digest: Callable[..., Message]) -> None:
    before = len(verified.mailbox())
    create(SETTINGS, {}).send(digest(97, 3))
    (mail,) = verified.mailbox()[before:]
    for text in (mail["BodyText"], mail["BodyHtml"]):
        assert text.count("print-color-") == 100


def test_a_huge_message_keeps_its_first_500_groups_and_says_so(huge: Message) -> None:
    text = body(parse(huge), "plain")
    assert len(re.findall(r"(?m)^1x \d+ ", text)) == 500
    assert "9,500 more groups of failures are left out." in text


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "MessageRejected"),
        (400, "AccountSuspendedException"),
        (400, "SendingPausedException"),
        (400, "MailFromDomainNotVerifiedException"),
        (400, "BadRequestException"),
        (400, "ValidationException"),
        (404, "NotFoundException"),
    ],
)
def test_what_ses_never_accepts_is_permanent(refusing_aws: Any, failed: Message, status: int, code: str) -> None:
    refusing_aws.status, refusing_aws.code, refusing_aws.text = status, code, "because\r\nof this"
    with pytest.raises(PermanentError) as caught:
        create(SETTINGS, {}).send(failed)
    assert caught.value.reason == f"SES: {code} ({status}): because of this"
    assert len(refusing_aws.calls) == 1


def test_a_missing_region_is_temporary(refusing_aws: Any, failed: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(TemporaryError, match="NoRegionError"):
        create(SETTINGS, {}).send(failed)


def test_rendering_needs_neither_network_nor_region(failed: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifiers.email.notifier.make_client", None)
    assert create(SETTINGS, {}).render(failed)["headers"]["Subject"] == failed.title
