"""Properties of every input: no record makes the dispatcher raise, and no message exceeds what a channel takes."""

from __future__ import annotations

import copy
import email
import email.policy
import json
import re
from itertools import cycle, islice
from pathlib import Path

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from batchbell.contract import Fact, FailureGroup, Link, Message, Severity
from batchbell.dispatcher.messages.digest import compose_digest
from batchbell.dispatcher.messages.failures import Failures, failure_of
from batchbell.dispatcher.messages.finished_job import compose
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.records.parse import UnreadableRecord, parse_record
from batchbell.dispatcher.records.ticket import Ticket
from batchbell.texts import tidy
from batchbell.wire import DIGEST_LIMIT
from batchbell_local.slack.webhook_rules import find_violation
from notifiers.email.notifier import create as create_email
from notifiers.email.notifier import write_mail
from notifiers.slack.blocks import BLOCKS_LIMIT
from notifiers.slack.blocks import render as render_for_slack
from notifiers.sns.publication import render as render_for_sns

EVENTS = [json.loads(file.read_text()) for file in sorted((Path(__file__).parents[1] / "events").glob("*.json"))]
NOW = 1_764_000_000.0  # epoch seconds
EMAIL = create_email({"sender": "batch@example.com", "recipients": ["team@example.com"]}, {})
UNPRINTABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e\ud800-\udfff]")


def examples(number):
    """Not by chance (`derandomize`), and without a search for the smallest that fails, which takes minutes."""
    return settings(max_examples=number, derandomize=True, database=None, deadline=None, phases=[Phase.generate])


# Pieces of what channels, mail programs and parsers give a meaning to, and single characters of any kind.
pieces = st.sampled_from(
    [
        *("<!channel>", "<https://evil.example|click>", "&amp;", "*bold* ", "<script>", "<!--", "'\" onload=", "]]>"),
        *("=?utf-8?q?", "=0D=0ABcc:_x@example.com", "?=", "=?utf-8?b?YQ0KQmNjOiB2?=", "\r\nBcc: x@example.com\r\n\r\n"),
        *("\x00\x1b[31m", "\u2028", "\u202e", "\ud800", "\ufffe", "🦊", "é", "e\u0301" * 9, "\u3000", " ", '"\\' * 99),
        *("x" * 10_000, "失" * 5_000, "a b " * 500, "." * 200, "{}", "%s", "\\u0000"),
    ]
)
texts = st.lists(pieces | st.characters(), max_size=5).map("".join)
numbers = st.integers() | st.sampled_from([0, -1, 2**63, 10**20, 10**400]) | st.floats()
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=5
)
urls = texts | st.builds("https://example.com/{}".format, texts) | st.just("https://example.com/" + "p" * 1_900)


@st.composite
def messages(draw):
    """Its texts are a few, again and again: what is drawn takes longer than what is tested."""
    take = cycle(draw(st.lists(texts, min_size=1, max_size=5))).__next__
    take_url = cycle(draw(st.lists(urls, min_size=1, max_size=3))).__next__
    sizes = draw(st.lists(st.integers(0, 12), min_size=4, max_size=4))
    count = draw(st.integers(-1, 10_000))
    return Message(
        key=take()[:2_000],
        kind=take(),
        status=take(),
        severity=draw(st.sampled_from(Severity)),
        title=take(),
        summary=take(),
        job_name=take(),
        facts=tuple(Fact(take(), take()) for _ in range(sizes[0])),
        failures=tuple(FailureGroup(take(), count, take(), count, Link(take(), take_url())) for _ in range(sizes[1])),
        notes=tuple(take() for _ in range(sizes[2])),
        links=tuple(Link(take(), take_url()) for _ in range(sizes[3])),
    )


@st.composite
def digests(draw):
    """Up to a hundred jobs, of a few messages."""
    number = draw(st.integers(1, DIGEST_LIMIT))
    some = cycle(draw(st.lists(messages().map(tidy), min_size=1, max_size=3)))
    repeats = cycle(draw(st.lists(st.booleans(), min_size=1, max_size=3)))
    return compose_digest(list(islice(some, number)), list(islice(repeats, number)))


tickets = st.builds(Ticket, messages(), texts, texts, st.just(NOW)).map(lambda ticket: json.loads(ticket.to_body()))


@st.composite
def mutated(draw, originals):
    """One of the originals with up to four parts changed, removed or added."""
    record = copy.deepcopy(draw(originals))
    for _ in range(draw(st.integers(0, 4))):
        part = record
        # Down to an object or a list, from which one member goes.
        while inner := [key for key, value in _members(part) if isinstance(value, dict | list) and value]:
            key = draw(st.sampled_from([None, *inner]))
            if key is None:
                break
            part = part[key]
        if not part:
            continue
        key = draw(st.sampled_from([key for key, _ in _members(part)]))
        match draw(st.sampled_from(["change", "change", "remove", "add"])):
            case "change":
                part[key] = draw(values)
            case "remove":
                del part[key]
            case "add" if isinstance(part, dict):
                part[draw(texts)] = draw(values)
    return record


def _members(part):
    return list(part.items() if isinstance(part, dict) else enumerate(part))


def read(record):
    """The job or the ticket, or None for what is neither: then there is a dead letter."""
    try:
        return parse_record(record, NOW)
    except UnreadableRecord as unreadable:
        dead = unreadable.dead
        check_dead_letter(dead.to_body(NOW), 1_048_576 if "ticket" in (dead.record or ()) else 100_000)
        return None


def check_dead_letter(body, limit):
    assert len(body.encode()) < limit
    assert json.loads(body)["reason"]


def check_on_every_channel(message):
    check_slack(message)
    check_email(message)
    check_sns(message)


def check_slack(message):
    payload = render_for_slack(message)
    assert find_violation("POST", "application/json", json.dumps(payload).encode()) == ""
    assert len(json.dumps(payload["blocks"], ensure_ascii=False)) <= BLOCKS_LIMIT
    for text in [payload["text"], *_markup(payload["blocks"])]:
        assert not re.search("[<>]", re.sub(r"<https://[^<>|]+\|[^<>]*>", "", text))
    assert not UNPRINTABLE.search(json.dumps(payload, ensure_ascii=False))


def _markup(value):
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            yield value["text"]
        for inner in value.values():
            yield from _markup(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _markup(inner)


def check_email(message):
    rendered = EMAIL.render(message)
    raw = write_mail(rendered)
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) < 998
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert not mail.defects
    assert mail.keys() == [*rendered["headers"], "MIME-Version", "Content-Type"]
    assert mail["Subject"] == rendered["headers"]["Subject"]
    assert 1 <= len(mail["Subject"]) <= 150
    for part, kind in zip(mail.iter_parts(), ("text", "html"), strict=True):
        content = part.get_content().replace("\r\n", "\n")
        assert content == rendered[kind]
        assert not UNPRINTABLE.search(content)


def check_sns(message):
    rendered = render_for_sns(message)
    by_protocol = rendered["Message"]
    whole = json.dumps(by_protocol, ensure_ascii=False) + json.dumps(rendered["MessageAttributes"])
    assert len(whole.encode()) <= 256 * 1024
    assert re.fullmatch(r"[!-~][ -~]{0,98}", rendered["Subject"])
    assert re.fullmatch(r"[!-~][ -~]{0,139}", by_protocol["sms"])
    assert all(1 <= len(value["StringValue"]) <= 256 for value in rendered["MessageAttributes"].values())
    assert not any(UNPRINTABLE.search(text) for text in by_protocol.values())
    Message.from_dict(json.loads(by_protocol["sqs"]))


@examples(120)
@given(st.text(st.characters(), max_size=200) | values.map(json.dumps))
def test_any_record_is_read_or_refused_with_a_reason(record):
    read(record)


@examples(120)
@given(mutated(st.sampled_from(EVENTS)))
def test_any_event_is_refused_with_a_reason_or_becomes_a_message_that_every_channel_takes(event):
    job = read(json.dumps(event))
    if isinstance(job, Job):
        message = compose(job, failure_of(job) if job.failed and not job.is_parent else Failures())
        assert Message.from_dict(json.loads(message.to_json())) == message
        assert len(message.key.encode()) <= 2_048
        check_on_every_channel(message)


@examples(60)
@given(mutated(tickets))
def test_any_ticket_is_refused_with_a_reason_or_holds_a_message_that_every_channel_takes(body):
    ticket = read(json.dumps(body))
    if isinstance(ticket, Ticket):
        assert read(ticket.to_body()) == ticket
        check_on_every_channel(ticket.message)


@examples(60)
@given(messages())
def test_any_message_becomes_what_every_channel_takes(message):
    assert tidy(tidy(message)) == tidy(message)
    check_on_every_channel(message)


@examples(30)
@given(digests())
def test_a_digest_of_any_messages_becomes_what_every_channel_takes(digest):
    check_on_every_channel(digest)
