"""DynamoDB: Table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from . import table_indexes
from .api_form import echo, physical_name, renamed
from .clients import Clients
from .errors import CheckFailure, suppress_gone
from .input_rules import at_least, between, matches, one_of
from .property_values import Inputs, Outputs, is_known
from .resource_type import Diff, ResourceType
from .table_indexes import CAPACITIES, GLOBAL, LOCAL, definitions, keys, throughput
from .tags import retag, tag_list, with_tags
from .waiting import wait

GONE = ("ResourceNotFoundException",)
STREAM_VIEWS = ("KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")


class Table(ResourceType):
    """Its id is its name. Provider: dynamodb/table.go."""

    token = "aws:dynamodb/table:Table"
    gone = GONE
    defaults: ClassVar[Mapping[str, Any]] = {"billingMode": "PROVISIONED"}
    conflicts = tuple(("onDemandThroughput", capacity) for capacity in CAPACITIES)
    rules = (
        matches("name", r"[a-zA-Z0-9_.-]{3,255}"),
        one_of("billingMode", "PROVISIONED", "PAY_PER_REQUEST"),
        one_of("attributes[].type", "S", "N", "B"),
        one_of("streamViewType", *STREAM_VIEWS),
        one_of("tableClass", "STANDARD", "STANDARD_INFREQUENT_ACCESS"),
        one_of("globalSecondaryIndexes[].projectionType", "ALL", "INCLUDE", "KEYS_ONLY"),
        one_of("globalSecondaryIndexes[].keySchemas[].keyType", "HASH", "RANGE"),
        one_of("localSecondaryIndexes[].projectionType", "ALL", "INCLUDE", "KEYS_ONLY"),
        at_least("readCapacity", 0),
        at_least("writeCapacity", 0),
        between("pointInTimeRecovery.recoveryPeriodInDays", 1, 35),
    )
    replaces = frozenset(
        {"name", "hashKey", "rangeKey", "localSecondaryIndexes", "restoreDateTime", "restoreToLatestTime"}
    )
    presence_replaces = frozenset({"importTable"})

    def validate(self, inputs: Inputs) -> Iterator[CheckFailure]:
        if inputs.get("hashKey") is None and inputs.get("restoreSourceName") is None:
            yield CheckFailure("hashKey", "is required")
        yield from table_indexes.check(inputs)
        ttl = inputs.get("ttl")
        if isinstance(ttl, dict) and ttl.get("enabled") is True and not ttl.get("attributeName"):
            yield CheckFailure("ttl.attributeName", "is required when ttl is enabled")
        if inputs.get("streamViewType") and inputs.get("streamEnabled") is not True:
            yield CheckFailure("streamViewType", "needs streamEnabled")
        for capacity in CAPACITIES:
            given = inputs.get(capacity) or 0
            if inputs.get("billingMode") == "PAY_PER_REQUEST" and given != 0:
                yield CheckFailure(capacity, "can not be set when billingMode is PAY_PER_REQUEST")
            if inputs.get("billingMode") == "PROVISIONED" and is_known(given) and given < 1:
                yield CheckFailure(capacity, "must be at least 1 when billingMode is PROVISIONED")

    def same(self, name: str, old: Any, new: Any) -> bool:
        """Attributes and indexes are compared without order; removing the ttl block does not change the TTL."""
        if name == "ttl" and new is None:
            return True
        if name in (GLOBAL, LOCAL):
            return table_indexes.same(old, new)
        if name == "attributes" and isinstance(old, list) and isinstance(new, list):
            return _by_name(old) == _by_name(new)
        return super().same(name, old, new)

    def diff(self, old_inputs: Inputs, news: Inputs) -> Diff:
        """Changed attributes count only together with a changed index (dynamodb/table.go)."""
        found = super().diff(old_inputs, news)
        return found if GLOBAL in found.changes else replace(found, changes=found.changes - {"attributes"})

    def replacing(self, old: Inputs, news: Inputs, changes: frozenset[str]) -> set[str]:
        found = super().replacing(old, news, changes)
        return found | {name for name in changes & {"restoreSourceName", "restoreSourceTableArn"} if news.get(name)}

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        name = physical_name(inputs)
        request: Outputs = {
            "TableName": name,
            "BillingMode": inputs["billingMode"],
            "KeySchema": keys(inputs),
            "AttributeDefinitions": definitions(inputs),
            "Tags": tag_list(inputs),
            **table_indexes.requests(inputs),
        }
        request |= renamed(
            inputs, {"tableClass": "TableClass", "deletionProtectionEnabled": "DeletionProtectionEnabled"}
        )
        if inputs["billingMode"] == "PROVISIONED":
            request["ProvisionedThroughput"] = throughput(inputs)
        if inputs.get("streamEnabled"):
            request["StreamSpecification"] = _stream(inputs)
        if inputs.get("serverSideEncryption"):
            request["SSESpecification"] = _encryption(inputs)
        clients("dynamodb").create_table(**request)
        self._settle(name, clients)
        self._extras(name, {}, inputs, clients)
        return name, self._outputs(name, inputs, clients)

    def find(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        table = _describe(id, clients)
        if table is None:
            return None
        own_keys = {one["KeyType"]: one["AttributeName"] for one in table["KeySchema"]}
        billing = table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
        ttl = clients("dynamodb").describe_time_to_live(TableName=id)["TimeToLiveDescription"]
        inputs = {
            "name": id,
            "hashKey": own_keys["HASH"],
            "rangeKey": own_keys.get("RANGE"),
            "billingMode": billing,
            "attributes": [
                {"name": one["AttributeName"], "type": one["AttributeType"]} for one in table["AttributeDefinitions"]
            ],
            GLOBAL: [table_indexes.described(one) for one in table.get("GlobalSecondaryIndexes", [])],
        }
        if billing == "PROVISIONED":
            inputs["readCapacity"] = table["ProvisionedThroughput"]["ReadCapacityUnits"]
            inputs["writeCapacity"] = table["ProvisionedThroughput"]["WriteCapacityUnits"]
        if ttl.get("TimeToLiveStatus") in ("ENABLED", "ENABLING"):
            inputs["ttl"] = {"enabled": True, "attributeName": ttl["AttributeName"]}
        encryption = table.get("SSEDescription", {})
        if encryption.get("Status") in ("ENABLED", "UPDATING"):
            inputs["serverSideEncryption"] = {"enabled": True, "kmsKeyArn": encryption.get("KMSMasterKeyArn")}
        if table.get("DeletionProtectionEnabled"):
            inputs["deletionProtectionEnabled"] = True
        return echo(inputs), self._outputs(id, inputs, clients)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        changes = self.diff(old, news).changes
        database = clients("dynamodb")
        if changes & {"billingMode", *CAPACITIES}:
            billing: Outputs = {"BillingMode": news["billingMode"]}
            if news["billingMode"] == "PROVISIONED":
                billing["ProvisionedThroughput"] = throughput(news)
            self._change(id, clients, **billing)
        if changes & {"streamEnabled", "streamViewType"}:
            if old.get("streamEnabled"):
                self._change(id, clients, StreamSpecification={"StreamEnabled": False})
            if news.get("streamEnabled"):
                self._change(id, clients, StreamSpecification=_stream(news))
        if "deletionProtectionEnabled" in changes:
            self._change(id, clients, DeletionProtectionEnabled=bool(news.get("deletionProtectionEnabled")))
        if "tableClass" in changes:
            self._change(id, clients, TableClass=news.get("tableClass", "STANDARD"))
        if "serverSideEncryption" in changes:
            self._change(id, clients, SSESpecification=_encryption(news))
        if GLOBAL in changes:
            for request in table_indexes.updates(old, news):
                self._change(id, clients, **request)
        self._extras(id, old, news, clients)
        outputs = self._outputs(id, news, clients)
        retag(old, news, database.tag_resource, database.untag_resource, ResourceArn=outputs["arn"])
        return outputs

    def remove(self, id: str, old: Inputs, clients: Clients) -> None:
        clients("dynamodb").delete_table(TableName=id)
        wait(lambda: _describe(id, clients) is None, f"table {id} is not deleted")

    def _change(self, name: str, clients: Clients, **request: Any) -> None:
        clients("dynamodb").update_table(TableName=name, **request)
        self._settle(name, clients)

    def _extras(self, name: str, old: Inputs, news: Inputs, clients: Clients) -> None:
        """Set TTL and point-in-time recovery by their own calls. AWS refuses to disable a TTL that is off."""
        ttl, before = news.get("ttl") or {}, old.get("ttl") or {}
        if bool(ttl.get("enabled")) != bool(before.get("enabled")) and ttl:
            attribute = ttl.get("attributeName") or before.get("attributeName")
            clients("dynamodb").update_time_to_live(
                TableName=name,
                TimeToLiveSpecification={"Enabled": bool(ttl.get("enabled")), "AttributeName": attribute},
            )
        recovery, earlier = news.get("pointInTimeRecovery") or {}, old.get("pointInTimeRecovery") or {}
        if recovery != earlier:
            specification: Outputs = {"PointInTimeRecoveryEnabled": bool(recovery.get("enabled"))}
            specification |= renamed(recovery, {"recoveryPeriodInDays": "RecoveryPeriodInDays"})
            clients("dynamodb").update_continuous_backups(
                TableName=name, PointInTimeRecoverySpecification=specification
            )

    def _settle(self, name: str, clients: Clients) -> None:
        def is_done() -> bool:
            table = _describe(name, clients) or {}
            indexes = table.get("GlobalSecondaryIndexes", [])
            return all(one.get("IndexStatus", "ACTIVE") == "ACTIVE" for one in indexes) and (
                table.get("TableStatus") == "ACTIVE"
            )

        wait(is_done, f"table {name} is not ACTIVE")

    def _outputs(self, name: str, inputs: Inputs, clients: Clients) -> Outputs:
        table = clients("dynamodb").describe_table(TableName=name)["Table"]
        return echo(
            inputs,
            name=name,
            arn=table["TableArn"],
            streamArn=table.get("LatestStreamArn"),
            streamLabel=table.get("LatestStreamLabel"),
            **with_tags(inputs),
        )


def _describe(name: str, clients: Clients) -> dict[str, Any] | None:
    with suppress_gone(*GONE):
        return dict(clients("dynamodb").describe_table(TableName=name)["Table"])
    return None


def _stream(inputs: Inputs) -> Outputs:
    return {"StreamEnabled": True} | renamed(inputs, {"streamViewType": "StreamViewType"})


def _encryption(inputs: Inputs) -> Outputs:
    wanted = inputs.get("serverSideEncryption") or {"enabled": False}
    return {"Enabled": wanted["enabled"]} | renamed(wanted, {"kmsKeyArn": "KMSMasterKeyId"})


def _by_name(items: Any) -> dict[str, Any]:
    return {str(one.get("name")): one for one in items or () if isinstance(one, dict)}
