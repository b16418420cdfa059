"""Publishes to an Amazon SNS topic. Source: SNS API reference, "Publish"."""

from __future__ import annotations

import dataclasses
import json
import unicodedata
from collections.abc import Mapping
from typing import Any

from batchbell.aws_answers import ask, make_client
from batchbell.contract import Message, Secrets
from batchbell.texts import as_text, cut, one_line, tidy, with_note_of_rest

SUBJECT_LIMIT = 99  # characters: "less than 100"
SMS_LIMIT = 140  # characters: one message; each further one costs
# Bytes of message and attributes: 256 KiB, unless the topic's owner raised it. The attributes take less than 1 KiB.
MESSAGE_LIMIT = 261_000
ATTRIBUTE_LIMIT = 256  # characters
_LOOKALIKES = str.maketrans({"\u2013": "-", "\u2014": "-", "\u00b7": "-", "\u00d7": "x", "\u2019": "'"})
JSON_PROTOCOLS = ("sqs", "lambda", "http", "https", "firehose")  # subscribers that are programs
# Of what there may be many, in the order in which it is left out.
PARTS = (("failures", "groups of failures"), ("jobs", "jobs"), ("facts", "facts"), ("notes", "notes"))
# What no retry mends: the topic or the message. Keys and rights (KMS…, AuthorizationError) are ours to mend.
PERMANENT = ("NotFound", "InvalidParameter", "ParameterValueInvalid", "EndpointDisabled", "Validation")


def create(settings: Mapping[str, Any], secrets: Secrets) -> Topic:
    return Topic(settings["topic_arn"])


class Topic:
    """A standard topic: text for people, JSON for programs, one short line for telephones."""

    def __init__(self, arn: str) -> None:
        self._arn = arn
        self._client: Any = None

    def render(self, message: Message) -> dict[str, Any]:
        """What is published, with `Message` as an object: what each kind of subscriber gets."""
        return render(message)

    def send(self, message: Message) -> None:
        """Raise TemporaryError or PermanentError, as `PERMANENT` and `batchbell.aws_answers` say."""
        rendered = render(message)
        ask("SNS", lambda: self._publish(rendered), PERMANENT)

    def _publish(self, rendered: dict[str, Any]) -> Mapping[str, Any]:
        if self._client is None:
            region = self._arn.split(":")[3]  # a topic is published to in its own region alone
            self._client = make_client("sns", region)
        answer: Mapping[str, Any] = self._client.publish(
            TopicArn=self._arn,
            MessageStructure="json",
            **rendered | {"Message": json.dumps(rendered["Message"], ensure_ascii=False)},
        )
        return answer


def render(message: Message) -> dict[str, Any]:
    """Subject, attributes and a text for each protocol. What does not fit is left out, the last ones first."""
    message = tidy(message)
    by_protocol = _by_protocol(message)
    for part, what in PARTS:
        whole = kept = len(getattr(message, part))
        smaller = message
        while kept and _size(by_protocol) > MESSAGE_LIMIT:
            kept //= 2
            smaller = dataclasses.replace(message, **{part: getattr(message, part)[:kept]})
            smaller = with_note_of_rest(smaller, whole - kept, what)
            by_protocol = _by_protocol(smaller)
        message = smaller
    return {
        "Subject": to_ascii(message.title, SUBJECT_LIMIT),
        "Message": by_protocol,
        "MessageAttributes": {"status": _attribute(message.status), "job_name": _attribute(message.job_name)},
    }


def to_ascii(text: str, limit: int) -> str:
    """The text in printable ASCII: any subject must begin with it, and an SMS without it holds 70 characters only."""
    plain = unicodedata.normalize("NFKD", text.translate(_LOOKALIKES)).encode("ascii", "ignore").decode()
    return one_line(plain)[:limit].strip() or "AWS Batch"


def _by_protocol(message: Message) -> dict[str, str]:
    structured = json.dumps(message.to_dict(), ensure_ascii=False, separators=(",", ":"))
    return {
        "default": as_text(message),
        "sms": to_ascii(f"{message.title}. {message.summary}", SMS_LIMIT),
        **dict.fromkeys(JSON_PROTOCOLS, structured),
    }


def _size(by_protocol: dict[str, str]) -> int:
    return len(json.dumps(by_protocol, ensure_ascii=False).encode())


def _attribute(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": cut(value, ATTRIBUTE_LIMIT)}
