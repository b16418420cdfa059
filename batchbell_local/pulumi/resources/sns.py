"""SNS: Topic, TopicPolicy, TopicSubscription."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from .api_form import echo, pascal_names, physical_name
from .clients import Clients
from .errors import AwsRefusal, CheckFailure, suppress_gone
from .input_rules import arn, json_text, matches, one_of
from .property_values import Inputs, Outputs
from .resource_type import ResourceType
from .tags import retag, tag_list, with_tags

GONE = ("NotFound", "NotFoundException")
PENDING = "PendingConfirmation"
DEFAULT_POLICY_ID = "__default_policy_ID"
TOPIC_ATTRIBUTES = pascal_names(
    "displayName policy deliveryPolicy kmsMasterKeyId signatureVersion tracingConfig fifoTopic "
    "contentBasedDeduplication archivePolicy fifoThroughputScope"
)
FIFO_ONLY = ("archivePolicy", "contentBasedDeduplication", "fifoThroughputScope")
SUBSCRIPTION_ATTRIBUTES = pascal_names(
    "filterPolicy filterPolicyScope rawMessageDelivery redrivePolicy deliveryPolicy subscriptionRoleArn"
)
PROTOCOLS = ("sqs", "lambda", "email", "email-json", "http", "https", "sms", "firehose", "application")


class Topic(ResourceType):
    """Its id is its ARN; creating one that exists is an error. Provider: sns/topic.go."""

    token = "aws:sns/topic:Topic"
    gone = GONE
    name_limit = 80
    defaults: ClassVar[Mapping[str, Any]] = {"fifoTopic": False}
    rules = (json_text("policy"), json_text("deliveryPolicy"), one_of("tracingConfig", "Active", "PassThrough"))
    replaces = frozenset({"name", "namePrefix", "fifoTopic"})
    json_documents = frozenset({"policy", "deliveryPolicy", "archivePolicy"})

    def name_suffix(self, inputs: Inputs) -> str:
        return ".fifo" if inputs.get("fifoTopic") is True else ""

    def validate(self, inputs: Inputs) -> Iterator[CheckFailure]:
        fifo = inputs.get("fifoTopic") is True
        yield from matches("name", r"[0-9A-Za-z_-]{1,251}\.fifo" if fifo else r"[0-9A-Za-z_-]{1,256}")(inputs)
        for name in FIFO_ONLY:
            if inputs.get(name) and not fifo:
                yield CheckFailure(name, "only for a FIFO topic")

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        name = physical_name(inputs)
        if "name" not in inputs:
            name += self.name_suffix(inputs)
        arn = f"arn:aws:sns:{clients.region}:{clients.account}:{name}"
        if _topic_attributes(arn, clients) is not None:
            raise AwsRefusal(f"a topic with the name {name} already exists")
        attributes = _attributes(inputs, TOPIC_ATTRIBUTES)
        if not inputs.get("fifoTopic"):
            attributes.pop("FifoTopic", None)
        made = clients("sns").create_topic(Name=name, Attributes=attributes, Tags=tag_list(inputs))
        return made["TopicArn"], self._outputs(made["TopicArn"], inputs)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        attributes = _topic_attributes(id, clients)
        if attributes is None:
            return None
        inputs: Outputs = {"name": id.rsplit(":", 1)[-1], "fifoTopic": attributes.get("FifoTopic") == "true"}
        for wire in ("displayName", "kmsMasterKeyId"):
            if attributes.get(TOPIC_ATTRIBUTES[wire]):
                inputs[wire] = attributes[TOPIC_ATTRIBUTES[wire]]
        return inputs, self._outputs(id, inputs)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        before, after = _attributes(old, TOPIC_ATTRIBUTES), _attributes(news, TOPIC_ATTRIBUTES)
        for name in before.keys() | after.keys():
            if before.get(name) != after.get(name):
                clients("sns").set_topic_attributes(TopicArn=id, AttributeName=name, AttributeValue=after.get(name, ""))
        retag(old, news, clients("sns").tag_resource, clients("sns").untag_resource, ResourceArn=id)
        return self._outputs(id, news)

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        clients("sns").delete_topic(TopicArn=id)

    def _outputs(self, arn: str, inputs: Inputs) -> Outputs:
        return echo(inputs, name=arn.rsplit(":", 1)[-1], arn=arn, owner=arn.split(":")[4], **with_tags(inputs))


class TopicPolicy(ResourceType):
    """The policy of an existing topic; its id is the topic's ARN. Provider: sns/topic_policy.go."""

    token = "aws:sns/topicPolicy:TopicPolicy"
    gone = GONE
    auto_name = None
    rules = (arn("arn"), json_text("policy"))
    replaces = frozenset({"arn"})
    json_documents = frozenset({"policy"})

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        return inputs["arn"], self.update(inputs["arn"], {}, inputs, clients)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        attributes = _topic_attributes(id, clients)
        policy = (attributes or {}).get("Policy")
        if not policy or json.loads(policy).get("Id") == DEFAULT_POLICY_ID:
            return None
        inputs = {"arn": id, "policy": policy}
        return inputs, echo(inputs, owner=id.split(":")[4])

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        clients("sns").set_topic_attributes(TopicArn=id, AttributeName="Policy", AttributeValue=news["policy"])
        return echo(news, owner=id.split(":")[4])

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        """Restore AWS's default policy, which allows the owner everything."""
        owner = {"StringEquals": {"AWS:SourceOwner": id.split(":")[4]}}
        actions = ("GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic")
        statement = {
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": [f"SNS:{action}" for action in (*actions, "Subscribe", "ListSubscriptionsByTopic", "Publish")],
            "Resource": id,
            "Condition": owner,
        }
        policy = json.dumps({"Version": "2008-10-17", "Id": DEFAULT_POLICY_ID, "Statement": [statement]})
        clients("sns").set_topic_attributes(TopicArn=id, AttributeName="Policy", AttributeValue=policy)


class TopicSubscription(ResourceType):
    """Its id is its ARN. Provider: sns/topic_subscription.go."""

    token = "aws:sns/topicSubscription:TopicSubscription"
    gone = GONE
    auto_name = None
    rules = (
        arn("topic"),
        one_of("protocol", *PROTOCOLS),
        one_of("filterPolicyScope", "MessageAttributes", "MessageBody"),
        json_text("filterPolicy"),
        json_text("redrivePolicy"),
        arn("subscriptionRoleArn"),
    )
    replaces = frozenset({"topic", "protocol", "endpoint"})
    json_documents = frozenset({"filterPolicy", "redrivePolicy", "deliveryPolicy"})

    def validate(self, inputs: Inputs) -> Iterator[CheckFailure]:
        if inputs.get("protocol") in ("sqs", "lambda", "firehose", "application"):
            yield from arn("endpoint")(inputs)

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        id = clients("sns").subscribe(
            TopicArn=inputs["topic"],
            Protocol=inputs["protocol"],
            Endpoint=inputs["endpoint"],
            Attributes=_attributes(inputs, SUBSCRIPTION_ATTRIBUTES),
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]
        return id, self._outputs(id, inputs, clients)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        attributes = self._attributes(id, clients)
        if attributes is None:
            return None
        inputs: Outputs = {
            "topic": attributes["TopicArn"],
            "protocol": attributes["Protocol"],
            "endpoint": attributes["Endpoint"],
        }
        for wire, api in SUBSCRIPTION_ATTRIBUTES.items():
            if attributes.get(api):
                inputs[wire] = attributes[api] == "true" if wire == "rawMessageDelivery" else attributes[api]
        return inputs, self._outputs(id, inputs, clients)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        before, after = _attributes(old, SUBSCRIPTION_ATTRIBUTES), _attributes(news, SUBSCRIPTION_ATTRIBUTES)
        for name in before.keys() | after.keys():
            if before.get(name) != after.get(name):
                clients("sns").set_subscription_attributes(
                    SubscriptionArn=id, AttributeName=name, AttributeValue=after.get(name, "")
                )
        return self._outputs(id, news, clients)

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        """A pending subscription cannot be deleted; AWS removes it after a while."""
        attributes = self._attributes(id, clients)
        if attributes is not None and attributes.get(PENDING) != "true":
            clients("sns").unsubscribe(SubscriptionArn=id)

    def _attributes(self, id: str, clients: Clients) -> dict[str, str] | None:
        with suppress_gone(*GONE):
            return dict(clients("sns").get_subscription_attributes(SubscriptionArn=id)["Attributes"])
        return None

    def _outputs(self, arn: str, inputs: Inputs, clients: Clients) -> Outputs:
        attributes = self._attributes(arn, clients) or {}
        return echo(
            inputs,
            arn=arn,
            ownerId=inputs["topic"].split(":")[4],
            pendingConfirmation=attributes.get(PENDING) == "true",
        )


def _topic_attributes(arn: str, clients: Clients) -> dict[str, str] | None:
    with suppress_gone(*GONE):
        return dict(clients("sns").get_topic_attributes(TopicArn=arn)["Attributes"])
    return None


def _attributes(inputs: Inputs, names: dict[str, str]) -> dict[str, str]:
    """Attributes for the API, which takes only text."""
    return {api: _text(inputs[wire]) for wire, api in names.items() if inputs.get(wire) is not None}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
