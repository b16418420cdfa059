"""Publishes to an Amazon SNS topic. Source: SNS API reference, "Publish"."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from batchbell.aws_clients import make_client
from batchbell.aws_errors import call_aws
from batchbell.contract import Message, Secrets
from batchbell.time_limit import Connections

from .publication import render

# Errors that no retry can fix: of the topic, and of the message. Keys and permissions (KMS…, AuthorizationError) are
# temporary, since the operator can fix them.
EVERY_MESSAGE = ("NotFound", "EndpointDisabled")
PERMANENT = (*EVERY_MESSAGE, "InvalidParameter", "ParameterValueInvalid", "Validation")


def create(settings: Mapping[str, Any], secrets: Secrets) -> Topic:
    return Topic(settings["topic_arn"])


class Topic:
    """A standard topic: text for people, JSON for programs, one short line for SMS, a card for chats."""

    def __init__(self, arn: str) -> None:
        self._arn = arn
        self._client: Any = None
        self._connections = Connections()

    def render(self, message: Message) -> dict[str, Any]:
        """Return what is published; its `Message` is an object with the text for each protocol."""
        return render(message)

    def send(self, message: Message) -> None:
        """Publish the message. Raises TemporaryError, or PermanentError for the codes in `PERMANENT`."""
        rendered = render(message)
        call_aws(
            "SNS",
            lambda: self._publish(rendered),
            PERMANENT,
            every_message=EVERY_MESSAGE,
            connections=self._connections,
        )

    def prepare(self) -> None:
        """Make the client."""
        region = self._arn.split(":")[3]  # SNS accepts a topic only in the topic's own region
        self._client = self._client or make_client("sns", region)

    def _publish(self, rendered: dict[str, Any]) -> Mapping[str, Any]:
        self.prepare()
        response: Mapping[str, Any] = self._client.publish(
            TopicArn=self._arn,
            MessageStructure="json",
            **rendered | {"Message": json.dumps(rendered["Message"], ensure_ascii=False)},
        )
        return response
