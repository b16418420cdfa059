"""Lambda: EventSourceMapping, which reads a queue or stream and invokes a function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from .api_form import camel, echo, pascal, pascal_names, renamed
from .clients import Clients
from .errors import AwsRefusal, CheckFailure
from .input_rules import arn, between, no_more_than, one_of
from .property_values import Inputs, Outputs, is_known
from .resource_type import ResourceType
from .tags import retag, with_tags

LARGEST_UNBATCHED = 10  # records per invocation without a batching window, "Using Lambda with Amazon SQS"
SQS_DEFAULT_BATCH, STREAM_DEFAULT_BATCH = 10, 100
SETTINGS = pascal_names(
    "functionName enabled batchSize maximumBatchingWindowInSeconds functionResponseTypes "
    "maximumRecordAgeInSeconds maximumRetryAttempts bisectBatchOnFunctionError parallelizationFactor "
    "tumblingWindowInSeconds",
    kmsKeyArn="KMSKeyArn",
)
BLOCKS = pascal_names("filterCriteria scalingConfig destinationConfig metricsConfig provisionedPollerConfig")
AT_CREATION = {"eventSourceArn": "EventSourceArn", "startingPosition": "StartingPosition"}


class EventSourceMapping(ResourceType):
    """Its id is its UUID. Provider: lambda/event_source_mapping.go."""

    token = "aws:lambda/eventSourceMapping:EventSourceMapping"
    gone = ("ResourceNotFoundException",)
    auto_name = None
    defaults: ClassVar[Mapping[str, Any]] = {"enabled": True}
    conflicts = (("eventSourceArn", "selfManagedEventSource"),)
    rules = (
        arn("eventSourceArn"),
        between("batchSize", 1, 10_000),
        between("maximumBatchingWindowInSeconds", 0, 300),
        between("scalingConfig.maximumConcurrency", 2, 1_000),
        one_of("functionResponseTypes[]", "ReportBatchItemFailures"),
        no_more_than("filterCriteria.filters", 10),
    )
    replaces = frozenset(
        {
            "eventSourceArn",
            "startingPosition",
            "startingPositionTimestamp",
            "topics",
            "queues",
            "selfManagedEventSource",
            "amazonManagedKafkaEventSourceConfig",
            "selfManagedKafkaEventSourceConfig",
        }
    )

    def validate(self, inputs: Inputs) -> Iterator[CheckFailure]:
        source = inputs.get("eventSourceArn")
        if source is None and inputs.get("selfManagedEventSource") is None:
            yield CheckFailure("eventSourceArn", "is required unless selfManagedEventSource is set")
        if not is_known(source):
            return
        if _is_queue(source):
            yield from _queue_failures(str(source), inputs)
        elif str(source).split(":")[2:3] in (["dynamodb"], ["kinesis"]) and inputs.get("startingPosition") is None:
            yield CheckFailure("startingPosition", "is required for a stream")

    def same(self, name: str, old: Any, new: Any) -> bool:
        """A function's name equals its ARN."""
        if name == "functionName" and is_known(old) and is_known(new):
            return _function_name(str(old)) == _function_name(str(new))
        return super().same(name, old, new)

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        if inputs.get("selfManagedEventSource") is not None:
            raise AwsRefusal("a self-managed Kafka source is not supported by local AWS")
        if _is_queue(inputs["eventSourceArn"]):
            _refuse_second_mapping(inputs, clients)
        made = clients("lambda").create_event_source_mapping(
            **_settings(inputs), **renamed(inputs, AT_CREATION), **renamed(inputs, {"tags": "Tags"})
        )
        return made["UUID"], self._outputs(made, inputs, clients)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        found = clients("lambda").get_event_source_mapping(UUID=id)
        names = {api: wire for wire, api in (SETTINGS | AT_CREATION).items() if wire not in ("functionName", "enabled")}
        inputs = renamed(found, names)
        inputs |= {"functionName": found["FunctionArn"], "enabled": found.get("State") in ("Enabled", "Enabling")}
        for wire, api in BLOCKS.items():
            if found.get(api):
                inputs[wire] = camel(found[api])
        inputs = {name: value for name, value in inputs.items() if value not in ([], "")}
        return inputs, self._outputs(found, inputs, clients)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        gone: Outputs = {BLOCKS[name]: {} for name in BLOCKS if old.get(name) and not news.get(name)}
        if old.get("functionResponseTypes") and not news.get("functionResponseTypes"):
            gone["FunctionResponseTypes"] = []
        lambda_ = clients("lambda")
        changed = lambda_.update_event_source_mapping(UUID=id, **_settings(news), **gone)
        outputs = self._outputs(changed, news, clients)
        retag(old, news, lambda_.tag_resource, lambda_.untag_resource, as_map=True, Resource=outputs["arn"])
        return outputs

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        clients("lambda").delete_event_source_mapping(UUID=id)

    def _outputs(self, mapping: dict[str, Any], inputs: Inputs, clients: Clients) -> Outputs:
        uuid = mapping["UUID"]
        arn = f"arn:aws:lambda:{clients.region}:{clients.account}:event-source-mapping:{uuid}"
        return echo(
            inputs,
            uuid=uuid,
            arn=mapping.get("EventSourceMappingArn", arn),
            functionArn=mapping.get("FunctionArn"),
            state=mapping.get("State"),
            stateTransitionReason=mapping.get("StateTransitionReason"),
            batchSize=mapping.get("BatchSize"),
            **with_tags(inputs),
        )


def _queue_failures(source: str, inputs: Inputs) -> Iterator[CheckFailure]:
    """AWS's rules for an SQS source, "Using Lambda with Amazon SQS"."""
    size, window = inputs.get("batchSize"), inputs.get("maximumBatchingWindowInSeconds", 0)
    if "startingPosition" in inputs:
        yield CheckFailure("startingPosition", "is not for a queue")
    if not isinstance(size, int) or size <= LARGEST_UNBATCHED:
        return
    if source.endswith(".fifo"):
        yield CheckFailure("batchSize", f"must be at most {LARGEST_UNBATCHED} for a FIFO queue")
    elif isinstance(window, int) and window < 1:
        yield CheckFailure("batchSize", f"above {LARGEST_UNBATCHED} needs maximumBatchingWindowInSeconds of at least 1")


def _refuse_second_mapping(inputs: Inputs, clients: Clients) -> None:
    existing = clients.of_owner("lambda").list_event_source_mappings(
        EventSourceArn=inputs["eventSourceArn"], FunctionName=_function_name(inputs["functionName"])
    )["EventSourceMappings"]
    for mapping in existing:
        if mapping.get("State") != "Deleting":
            raise AwsRefusal(
                "ResourceConflictException: An event source mapping of this queue and function already exists: "
                f"UUID {mapping['UUID']}"
            )


def _settings(inputs: Inputs) -> Outputs:
    request = renamed(inputs, SETTINGS) | renamed(inputs, BLOCKS, pascal)
    if "BatchSize" not in request:
        queue = _is_queue(inputs.get("eventSourceArn", ""))
        request["BatchSize"] = SQS_DEFAULT_BATCH if queue else STREAM_DEFAULT_BATCH
    return request


def _is_queue(arn: Any) -> bool:
    return isinstance(arn, str) and arn.split(":")[2:3] == ["sqs"]


def _function_name(reference: str) -> str:
    return reference.split(":function:", 1)[-1].split(":")[0]
