"""SQS: Queue, QueuePolicy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from .api_form import echo, pascal_names, physical_name
from .clients import Clients
from .errors import CheckFailure
from .input_rules import between, json_text, matches, one_of
from .property_values import Inputs, Outputs, is_known
from .resource_type import ResourceType
from .tags import retag, with_tags

GONE = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
ATTRIBUTES = pascal_names(
    "delaySeconds policy redrivePolicy redriveAllowPolicy kmsMasterKeyId kmsDataKeyReusePeriodSeconds "
    "sqsManagedSseEnabled contentBasedDeduplication deduplicationScope fifoThroughputLimit",
    visibilityTimeoutSeconds="VisibilityTimeout",
    messageRetentionSeconds="MessageRetentionPeriod",
    maxMessageSize="MaximumMessageSize",
    receiveWaitTimeSeconds="ReceiveMessageWaitTimeSeconds",
)
BOOLEANS = {"sqsManagedSseEnabled", "contentBasedDeduplication"}
TEXTS = {"policy", "redrivePolicy", "redriveAllowPolicy", "kmsMasterKeyId", "deduplicationScope", "fifoThroughputLimit"}
FIFO_ONLY = {"contentBasedDeduplication", "deduplicationScope", "fifoThroughputLimit"}


class Queue(ResourceType):
    """Its id is the URL. Provider: sqs/queue.go."""

    token = "aws:sqs/queue:Queue"
    gone = GONE
    name_limit = 80
    defaults: ClassVar[Mapping[str, Any]] = {
        "delaySeconds": 0,
        "visibilityTimeoutSeconds": 30,
        "messageRetentionSeconds": 345_600,
        "maxMessageSize": 262_144,
        "receiveWaitTimeSeconds": 0,
        "fifoQueue": False,
        "contentBasedDeduplication": False,
    }
    conflicts = (("kmsMasterKeyId", "sqsManagedSseEnabled"),)
    rules = (
        between("delaySeconds", 0, 900),
        between("visibilityTimeoutSeconds", 0, 43_200),
        between("messageRetentionSeconds", 60, 1_209_600),
        between("maxMessageSize", 1_024, 1_048_576),
        between("receiveWaitTimeSeconds", 0, 20),
        between("kmsDataKeyReusePeriodSeconds", 60, 86_400),
        one_of("deduplicationScope", "messageGroup", "queue"),
        one_of("fifoThroughputLimit", "perQueue", "perMessageGroupId"),
        json_text("policy"),
        json_text("redrivePolicy"),
        json_text("redriveAllowPolicy"),
    )
    replaces = frozenset({"name", "namePrefix", "fifoQueue"})
    json_documents = frozenset({"policy", "redrivePolicy", "redriveAllowPolicy"})

    def name_suffix(self, inputs: Inputs) -> str:
        return ".fifo" if inputs.get("fifoQueue") is True else ""

    def validate(self, inputs: Inputs) -> Iterator[CheckFailure]:
        fifo = inputs.get("fifoQueue") is True
        yield from matches("name", r"[0-9A-Za-z_-]{1,75}\.fifo" if fifo else r"[0-9A-Za-z_-]{1,80}")(inputs)
        if inputs.get("contentBasedDeduplication") is True and not fifo:
            yield CheckFailure("contentBasedDeduplication", "is only for a FIFO queue")
        yield from _receive_count_failures(inputs.get("redrivePolicy"))

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        name = physical_name(inputs, 54)
        if "name" not in inputs:
            name += self.name_suffix(inputs)
        fifo = {"FifoQueue": "true"} if inputs.get("fifoQueue") else {}
        url = clients("sqs").create_queue(
            QueueName=name, Attributes=_attributes(inputs) | fifo, tags=inputs.get("tags") or {}
        )["QueueUrl"]
        return url, self._outputs(url, inputs, name, clients)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        attributes = _read_attributes(id, clients)
        inputs: Outputs = {"name": id.rsplit("/", 1)[-1], "fifoQueue": attributes.get("FifoQueue") == "true"}
        for wire, api in ATTRIBUTES.items():
            if attributes.get(api):
                inputs[wire] = _wire_value(wire, attributes[api])
        tags = clients("sqs").list_queue_tags(QueueUrl=id).get("Tags")
        inputs |= {"tags": tags} if tags else {}
        return inputs, self._outputs(id, inputs, inputs["name"], clients)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        gone = {ATTRIBUTES[name]: "" for name in TEXTS if old.get(name) and not news.get(name)}
        clients("sqs").set_queue_attributes(QueueUrl=id, Attributes=_attributes(news) | gone)
        retag(old, news, clients("sqs").tag_queue, clients("sqs").untag_queue, as_map=True, QueueUrl=id)
        return self._outputs(id, news, id.rsplit("/", 1)[-1], clients)

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        clients("sqs").delete_queue(QueueUrl=id)

    def _outputs(self, url: str, inputs: Inputs, name: str, clients: Clients) -> Outputs:
        arn = clients("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return echo(inputs, name=name, url=url, arn=arn, **with_tags(inputs))


class QueuePolicy(ResourceType):
    """The policy of an existing queue; its id is the queue's URL. Provider: sqs/queue_policy.go."""

    token = "aws:sqs/queuePolicy:QueuePolicy"
    gone = GONE
    auto_name = None
    rules = (json_text("policy"), matches("queueUrl", r"https?://.+"))
    replaces = frozenset({"queueUrl"})
    json_documents = frozenset({"policy"})

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        self._put(inputs["queueUrl"], inputs["policy"], clients)
        return inputs["queueUrl"], echo(inputs)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        attributes = _read_attributes(id, clients)
        if not attributes.get("Policy"):
            return None
        inputs = {"queueUrl": id, "policy": attributes["Policy"]}
        return inputs, echo(inputs)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        self._put(id, news["policy"], clients)
        return echo(news)

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        self._put(id, "", clients)

    def _put(self, url: str, policy: str, clients: Clients) -> None:
        clients("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})


def _attributes(inputs: Inputs) -> dict[str, str]:
    """The queue's attributes for the API, which takes only text."""
    skipped = set() if inputs.get("fifoQueue") else FIFO_ONLY
    return {
        api: str(inputs[wire]).lower() if wire in BOOLEANS else str(inputs[wire])
        for wire, api in ATTRIBUTES.items()
        if inputs.get(wire) is not None and wire not in skipped
    }


def _wire_value(name: str, text: str) -> Any:
    if name in BOOLEANS:
        return text == "true"
    return text if name in TEXTS else int(text)


def _read_attributes(url: str, clients: Clients) -> dict[str, str]:
    found = clients("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return dict(found.get("Attributes", {}))


def _receive_count_failures(policy: Any) -> Iterator[CheckFailure]:
    """AWS refuses a maxReceiveCount that is a JSON string."""
    if not is_known(policy) or not isinstance(policy, str):
        return
    try:
        count = json.loads(policy).get("maxReceiveCount")
    except (ValueError, AttributeError):
        return
    if count is not None and not isinstance(count, int):
        yield CheckFailure("redrivePolicy", "maxReceiveCount must be a JSON number")
