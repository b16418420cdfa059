"""What a topic's subscribers get from the local SNS, SNS's limits, and what its errors mean."""

from __future__ import annotations

import dataclasses
import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import fastjsonschema
import pytest

from batchbell.contract import Command, Message, PermanentError, Tag
from batchbell_local.cloud import LocalCloud
from notifiers.sns.notifier import create
from notifiers.sns.publication import to_ascii

TOPIC = "arn:aws:sns:us-east-1:123456789012:ops"
WaitFor = Callable[[Callable[[], Any]], Any]


@pytest.fixture
def topic(in_cloud: LocalCloud) -> str:
    arn: str = in_cloud.client("sns").create_topic(Name=f"ops-{uuid.uuid4().hex}")["TopicArn"]
    return arn


@pytest.fixture
def received(in_cloud: LocalCloud, topic: str, wait_for: WaitFor) -> Callable[[], dict[str, Any]]:
    """Receive the next message of a queue that is subscribed to the topic, in SNS's envelope."""
    sqs, sns = in_cloud.client("sqs"), in_cloud.client("sns")
    url = sqs.create_queue(QueueName=topic.rpartition(":")[2])["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def receive() -> dict[str, Any]:
        (message,) = wait_for(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
        envelope: dict[str, Any] = json.loads(message["Body"])
        return envelope

    return receive


def size(rendered: dict[str, Any]) -> int:
    """Bytes as SNS counts them: the message and its attributes."""
    message = json.dumps(rendered["Message"], ensure_ascii=False)
    return len((message + json.dumps(rendered["MessageAttributes"])).encode())


def test_a_program_gets_the_whole_message_as_json(
    topic: str, received: Callable[[], dict[str, Any]], failed: Message
) -> None:
    create({"topic_arn": topic}, {}).send(failed)
    envelope = received()
    assert Message.from_dict(json.loads(envelope["Message"])) == failed
    assert envelope["Subject"] == failed.title
    assert envelope["MessageAttributes"]["status"]["Value"] == "FAILED"
    assert envelope["MessageAttributes"]["job_name"]["Value"] == "print-color"


def test_a_huge_message_arrives_without_its_last_groups(
    topic: str, received: Callable[[], dict[str, Any]], huge: Message
) -> None:
    create({"topic_arn": topic}, {}).send(huge)
    message = Message.from_dict(json.loads(received()["Message"]))
    kept = len(message.failures)
    assert 0 < kept < 500
    assert message.failures[0].reason.startswith("0 ")
    assert message.notes[-2:] == (
        "9,500 more groups of failures are left out.",
        f"{500 - kept:,} more groups of failures are left out.",
    )


def test_a_digest_of_a_hundred_jobs_arrives_whole(
    topic: str, received: Callable[[], dict[str, Any]], digest: Callable[..., Message]
) -> None:
    message = digest(97, 3, name="nightly-render-of-the-whole-catalogue-in-four-resolutions-")
    create({"topic_arn": topic}, {}).send(message)
    envelope = received()
    assert Message.from_dict(json.loads(envelope["Message"])) == message
    assert envelope["Subject"] == "100 jobs finished: 3 failed, 97 succeeded"


def test_people_read_a_digest_as_text(digest: Callable[..., Message]) -> None:
    message = digest(9, 3)
    text = create({"topic_arn": TOPIC}, {}).render(message)["Message"]["default"]
    lines = text.splitlines()
    first = lines.index("print-color-009 failed: 3 of 7 children")
    assert lines[first + 4] == "print-color-011 failed: 3 of 7 children (may be a repeat)"
    assert [line.strip() for line in lines[first + 1 : first + 25 : 2]] == [
        f"Job in the AWS console: {job.link.url}" for job in message.jobs if job.link
    ]


def test_jobs_that_do_not_fit_are_left_out_from_the_end_and_counted(digest: Callable[..., Message]) -> None:
    rendered = create({"topic_arn": TOPIC}, {}).render(digest(97, 3, name="é" * 600))
    message = Message.from_dict(json.loads(rendered["Message"]["sqs"]))
    assert size(rendered) <= 256 * 1024
    assert 0 < len(message.jobs) < 100
    assert [job.severity for job in message.jobs[:4]] == ["failure"] * 3 + ["success"]
    assert message.notes[-1] == f"{100 - len(message.jobs)} more jobs are left out."


def test_tags_cost_no_job_of_a_digest(digest: Callable[..., Message]) -> None:
    tags = tuple(Tag(f"key-{number}", "value " * 20) for number in range(50))
    message = digest(97, 3)
    tagged = dataclasses.replace(message, jobs=tuple(dataclasses.replace(job, tags=tags) for job in message.jobs))
    rendered = create({"topic_arn": TOPIC}, {}).render(tagged)

    assert size(rendered) <= 256 * 1024
    assert Message.from_dict(json.loads(rendered["Message"]["sqs"])) == message


def test_lines_of_logs_cost_no_group_of_failures(failed: Message) -> None:
    group = dataclasses.replace(
        failed.failures[0], reason="x" * 400, log_lines=tuple(f"{n} {'y' * 280}" for n in range(50))
    )
    rest = dataclasses.replace(group, log_lines=())
    message = dataclasses.replace(failed, failures=(*[group] * 3, *[rest] * 37))
    rendered = create({"topic_arn": TOPIC}, {}).render(message)
    read = Message.from_dict(json.loads(rendered["Message"]["sqs"]))

    assert size(rendered) <= 256 * 1024
    assert len(read.failures) == 40
    assert read.failures[0].log_lines[-1].startswith("49 ")
    assert read.notes[-1] == "Lines of the logs are left out."


def test_a_deleted_topic_is_a_permanent_error(topic: str, in_cloud: LocalCloud, failed: Message) -> None:
    in_cloud.client("sns").delete_topic(TopicArn=topic)
    with pytest.raises(PermanentError, match="SNS: NotFound"):
        create({"topic_arn": topic}, {}).send(failed)


def test_people_get_text_and_phones_one_line(failed: Message) -> None:
    by_protocol = create({"topic_arn": TOPIC}, {}).render(failed)["Message"]
    assert set(by_protocol) == {"default", "sms", "sqs", "lambda", "http", "https", "firehose"}
    for part in (failed.title, failed.summary, "Duration: 3 min 20 s", "children 2, 5", failed.links[0].url):
        assert part in by_protocol["default"]
    assert by_protocol["sms"] == f"{failed.title}. {failed.summary}"


# Amazon Q Developer in chat applications, administrator guide, "Custom notifications", "Event schema": the names, their
# types, and which are required.
TEXT, TEXTS = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
check_notification = fastjsonschema.compile(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["version", "source", "content"],
        "properties": {
            "version": {"const": "1.0"},
            "source": {"const": "custom"},
            "id": TEXT,
            "content": {
                "type": "object",
                "additionalProperties": False,
                "required": ["description"],
                "properties": {
                    "textType": {"const": "client-markdown"},
                    "title": TEXT,
                    "description": {"type": "string", "minLength": 1},
                    "nextSteps": TEXTS,
                    "keywords": TEXTS,
                },
            },
            "metadata": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "threadId": TEXT,
                    "summary": TEXT,
                    "eventType": TEXT,
                    "relatedResources": TEXTS,
                    "additionalContext": {"type": "object", "additionalProperties": TEXT},
                },
            },
        },
    }
)


def notification(message: Message) -> dict[str, Any]:
    """Return what a chat gets through Amazon Q: the topic's text for HTTPS."""
    parsed = json.loads(create({"topic_arn": TOPIC}, {}).render(message)["Message"]["https"])
    checked: dict[str, Any] = check_notification(parsed)
    return checked


def test_a_chat_gets_a_card_with_the_failures_and_the_links(failed: Message) -> None:
    card = notification(failed)["content"]
    assert card["title"] == f"❌ {failed.title}"
    group = ("children 2, 5\n| Traceback", "no colour left\nLog of child 2: https://")
    for part in (failed.summary, "Duration: 3 min 20 s", *group, *failed.notes):
        assert part in card["description"]
    assert card["nextSteps"] == [f"Job in the console: {failed.links[0].url}"]


def test_all_cards_about_one_job_are_one_thread(failed: Message, succeeded: Message) -> None:
    first, same, other = (
        notification(one)["metadata"]["threadId"]
        for one in (failed, succeeded, dataclasses.replace(failed, thread="another job"))
    )
    assert first == same != other


def test_hostile_texts_are_not_markup_in_a_chat(hostile: Message) -> None:
    card = notification(hostile)
    shown = json.dumps([card["content"], card["metadata"]["summary"]], ensure_ascii=False)
    texts = [card["content"]["title"], card["content"]["description"], *card["content"]["nextSteps"]]
    assert not re.search(r"[<>@\[\]]", "".join(texts))
    assert not re.search("[\x00-\x1f\x7f\u2028\u202e\ud800-\udfff]", shown)
    assert len(card["content"]["title"]) <= 150
    assert len(card["content"]["description"]) <= 3_000


def test_a_chat_gets_a_command_as_it_is_or_not_at_all(failed: Message) -> None:
    lines = ["aws batch terminate-job --job-id 1 --reason 'too  slow'", "kill @x", "echo `id`", "x" * 1_000]
    commands = tuple(Command(f"Command {number}", line) for number, line in enumerate(lines))
    description = notification(dataclasses.replace(failed, commands=commands))["content"]["description"]
    assert f"Command 0: `{lines[0]}`" in description
    assert "Command 1" not in description and "Command 2" not in description
    assert f"Command 3: `{lines[3]}`" in description


def test_only_names_that_batch_allows_become_variables_of_a_command(failed: Message, hostile: Message) -> None:
    assert notification(failed)["metadata"]["additionalContext"] == {
        "status": "FAILED",
        "job_name": "print-color",
        "queue": "print-color-queue",
    }
    context = notification(hostile)["metadata"]["additionalContext"]
    assert all(re.fullmatch("[A-Za-z0-9][A-Za-z0-9_-]{0,127}", value) for value in context.values())


def test_lines_that_do_not_fit_into_a_card_are_counted(huge: Message, digest: Callable[..., Message]) -> None:
    for message in (huge, digest(97, 3, name="nightly-render-of-the-whole-catalogue-in-four-resolutions-")):
        description = notification(message)["content"]["description"]
        assert len(description) <= 3_000
        assert re.search(r"\n… and [\d,]+ more$", description, re.MULTILINE)


def test_subscriptions_may_filter_by_status_job_and_queue(failed: Message, hostile: Message) -> None:
    def attributes(message: Message) -> dict[str, str]:
        rendered = create({"topic_arn": TOPIC}, {}).render(message)["MessageAttributes"]
        assert {one["DataType"] for one in rendered.values()} == {"String"}
        return {name: one["StringValue"] for name, one in rendered.items()}

    assert attributes(failed) == {"status": "FAILED", "job_name": "print-color", "queue": "print-color-queue"}
    # SNS refuses an empty value.
    assert attributes(dataclasses.replace(failed, queue="")) == {"status": "FAILED", "job_name": "print-color"}
    assert all(1 <= len(value) <= 256 for value in attributes(hostile).values())


@pytest.mark.parametrize(
    ("text", "ascii"),
    [
        ("print-color — 3 of 7 failed…", "print-color - 3 of 7 failed..."),
        ("Überprüfung", "Uberprufung"),
        ("  \n x", "x"),
        ("失敗", "AWS Batch"),
        ("🦊 print\x00-\x1b[31mcolor 🦊", "print - [31mcolor"),
        ("a" * 200, f"{'a' * 48}...{'a' * 48}"),
    ],
)
def test_a_subject_is_plain_ascii(text: str, ascii: str) -> None:
    assert to_ascii(text, 99) == ascii


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "NotFound"),
        (400, "InvalidParameter"),
        (400, "InvalidParameterException"),
        (400, "ParameterValueInvalid"),
        (400, "EndpointDisabled"),
        (400, "ValidationException"),
    ],
)
def test_what_sns_never_accepts_is_permanent(refusing_aws: Any, failed: Message, status: int, code: str) -> None:
    refusing_aws.status, refusing_aws.code, refusing_aws.text = status, code, "Topic does not exist"
    with pytest.raises(PermanentError) as caught:
        create({"topic_arn": TOPIC}, {}).send(failed)
    assert caught.value.reason == f"SNS: {code} ({status}): Topic does not exist"


def test_a_message_is_published_in_the_topics_region(failed: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    regions: list[str | None] = []

    class Client:
        def publish(self, **request: Any) -> dict[str, str]:
            json.loads(request["Message"])
            return {"MessageId": "1"}

    def make_client(service: str, region: str | None = None) -> Client:
        regions.append(region)
        return Client()

    monkeypatch.setattr("notifiers.sns.notifier.make_client", make_client)
    create({"topic_arn": TOPIC.replace("us-east-1", "eu-west-1")}, {}).send(failed)
    assert regions == ["eu-west-1"]
