"""DynamoDB: Table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from .clients import Clients
from .problem import Problem, is_gone
from .resource_type import (
    Inputs,
    Outputs,
    ResourceType,
    echo,
    is_known,
    physical_name,
    removed_tags,
    renamed,
    tag_list,
    with_tags,
)
from .rules import at_least, between, matches, one_of
from .waiting import wait

GONE = "ResourceNotFoundException"
CAPACITIES = ("readCapacity", "writeCapacity")
STREAM_VIEWS = ("KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES")


class Table(ResourceType):
    """Its id is its name. Provider: dynamodb/table.go."""

    token = "aws:dynamodb/table:Table"
    defaults: ClassVar[Mapping[str, Any]] = {"billingMode": "PROVISIONED"}
    conflicts = tuple(("onDemandThroughput", capacity) for capacity in CAPACITIES)
    rules = (
        matches("name", r"[a-zA-Z0-9_.-]{3,255}"),
        one_of("billingMode", "PROVISIONED", "PAY_PER_REQUEST"),
        one_of("attributes[].type", "S", "N", "B"),
        one_of("streamViewType", *STREAM_VIEWS),
        one_of("tableClass", "STANDARD", "STANDARD_INFREQUENT_ACCESS"),
        one_of("globalSecondaryIndexes[].projectionType", "ALL", "INCLUDE", "KEYS_ONLY"),
        one_of("localSecondaryIndexes[].projectionType", "ALL", "INCLUDE", "KEYS_ONLY"),
        at_least("readCapacity", 0),
        at_least("writeCapacity", 0),
        between("pointInTimeRecovery.recoveryPeriodInDays", 1, 35),
    )
    replaces = frozenset(
        {"name", "hashKey", "rangeKey", "localSecondaryIndexes", "restoreDateTime", "restoreToLatestTime"}
    )
    presence_replaces = frozenset({"importTable"})

    def validate(self, inputs: Inputs) -> Iterator[Problem]:
        if inputs.get("hashKey") is None and inputs.get("restoreSourceName") is None:
            yield Problem("hashKey", "is required")
        yield from _attribute_problems(inputs)
        ttl = inputs.get("ttl")
        if isinstance(ttl, dict) and ttl.get("enabled") is True and not ttl.get("attributeName"):
            yield Problem("ttl.attributeName", "is required when ttl is enabled")
        if inputs.get("streamViewType") and inputs.get("streamEnabled") is not True:
            yield Problem("streamViewType", "needs streamEnabled")
        for capacity in CAPACITIES:
            given = inputs.get(capacity) or 0
            if inputs.get("billingMode") == "PAY_PER_REQUEST" and given != 0:
                yield Problem(capacity, "can not be set when billingMode is PAY_PER_REQUEST")
            if inputs.get("billingMode") == "PROVISIONED" and is_known(given) and given < 1:
                yield Problem(capacity, "must be at least 1 when billingMode is PROVISIONED")

    def same(self, name: str, old: Any, new: Any) -> bool:
        """The order of attributes and indexes does not count; removing the ttl block leaves the TTL as it is."""
        if name == "ttl" and new is None:
            return True
        if name in ("attributes", "globalSecondaryIndexes", "localSecondaryIndexes"):
            return _by_name(old) == _by_name(new)
        return super().same(name, old, new)

    def replacing(self, old: Inputs, news: Inputs, changes: frozenset[str]) -> set[str]:
        found = super().replacing(old, news, changes)
        return found | {name for name in changes & {"restoreSourceName", "restoreSourceTableArn"} if news.get(name)}

    def create(self, inputs: Inputs, clients: Clients) -> tuple[str, Outputs]:
        name = physical_name(inputs)
        request: Outputs = {
            "TableName": name,
            "BillingMode": inputs["billingMode"],
            "KeySchema": _keys(inputs),
            "AttributeDefinitions": _definitions(inputs),
            "Tags": tag_list(inputs),
        }
        request |= renamed(
            inputs, {"tableClass": "TableClass", "deletionProtectionEnabled": "DeletionProtectionEnabled"}
        )
        if inputs["billingMode"] == "PROVISIONED":
            request["ProvisionedThroughput"] = _throughput(inputs)
        for wire, api in (
            ("globalSecondaryIndexes", "GlobalSecondaryIndexes"),
            ("localSecondaryIndexes", "LocalSecondaryIndexes"),
        ):
            if inputs.get(wire):
                request[api] = [_index(one, inputs) for one in inputs[wire]]
        if inputs.get("streamEnabled"):
            request["StreamSpecification"] = _stream(inputs)
        encryption = inputs.get("serverSideEncryption")
        if encryption:
            request["SSESpecification"] = {"Enabled": encryption["enabled"]}
            request["SSESpecification"] |= renamed(encryption, {"kmsKeyArn": "KMSMasterKeyId"})
        clients("dynamodb").create_table(**request)
        self._settle(name, clients)
        self._extras(name, {}, inputs, clients)
        return name, self._outputs(name, inputs, clients)

    def read(self, id: str, clients: Clients) -> tuple[Outputs, Outputs] | None:
        table = _describe(id, clients)
        if table is None:
            return None
        keys = {one["KeyType"]: one["AttributeName"] for one in table["KeySchema"]}
        billing = table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
        ttl = clients("dynamodb").describe_time_to_live(TableName=id)["TimeToLiveDescription"]
        inputs = {
            "name": id,
            "hashKey": keys["HASH"],
            "rangeKey": keys.get("RANGE"),
            "billingMode": billing,
            "attributes": [
                {"name": one["AttributeName"], "type": one["AttributeType"]} for one in table["AttributeDefinitions"]
            ],
        }
        if billing == "PROVISIONED":
            inputs["readCapacity"] = table["ProvisionedThroughput"]["ReadCapacityUnits"]
            inputs["writeCapacity"] = table["ProvisionedThroughput"]["WriteCapacityUnits"]
        if ttl.get("TimeToLiveStatus") in ("ENABLED", "ENABLING"):
            inputs["ttl"] = {"enabled": True, "attributeName": ttl["AttributeName"]}
        if table.get("DeletionProtectionEnabled"):
            inputs["deletionProtectionEnabled"] = True
        return echo(inputs), self._outputs(id, inputs, clients)

    def update(self, id: str, old: Inputs, news: Inputs, clients: Clients) -> Outputs:
        changes = self.diff(old, news).changes
        database = clients("dynamodb")
        if changes & {"billingMode", *CAPACITIES}:
            billing: Outputs = {"BillingMode": news["billingMode"]}
            if news["billingMode"] == "PROVISIONED":
                billing["ProvisionedThroughput"] = _throughput(news)
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
        if "globalSecondaryIndexes" in changes:
            self._change_indexes(id, old, news, clients)
        self._extras(id, old, news, clients)
        outputs = self._outputs(id, news, clients)
        if news.get("tags"):
            database.tag_resource(ResourceArn=outputs["arn"], Tags=tag_list(news))
        if removed_tags(old, news):
            database.untag_resource(ResourceArn=outputs["arn"], TagKeys=removed_tags(old, news))
        return outputs

    def delete(self, id: str, old: Inputs, clients: Clients) -> None:
        try:
            clients("dynamodb").delete_table(TableName=id)
        except Exception as error:
            if is_gone(error, GONE):
                return
            raise
        wait(lambda: _describe(id, clients) is None, f"table {id} is not deleted")

    def _change(self, name: str, clients: Clients, **request: Any) -> None:
        clients("dynamodb").update_table(TableName=name, **request)
        self._settle(name, clients)

    def _change_indexes(self, name: str, old: Inputs, news: Inputs, clients: Clients) -> None:
        """One index a call, as AWS wants it: first those that go (or changed), then those that come."""
        before, after = _by_name(old.get("globalSecondaryIndexes")), _by_name(news.get("globalSecondaryIndexes"))
        definitions = _definitions(news)
        for index in before:
            if before[index] != after.get(index):
                self._change(name, clients, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": index}}])
        for index in after:
            if before.get(index) != after[index]:
                update = [{"Create": _index(after[index], news)}]
                self._change(name, clients, AttributeDefinitions=definitions, GlobalSecondaryIndexUpdates=update)

    def _extras(self, name: str, old: Inputs, news: Inputs, clients: Clients) -> None:
        """TTL and point-in-time recovery have calls of their own. Disabling a TTL that is off is an error at AWS."""
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
    try:
        return dict(clients("dynamodb").describe_table(TableName=name)["Table"])
    except Exception as error:
        if is_gone(error, GONE):
            return None
        raise


def _attribute_problems(inputs: Inputs) -> Iterator[Problem]:
    """`attributes` are exactly the keys of the table and its indexes (dynamodb/table.go: validateTableAttributes)."""
    listed = [one.get("name") for one in inputs.get("attributes") or () if isinstance(one, dict)]
    indexes = [one for kind in ("globalSecondaryIndexes", "localSecondaryIndexes") for one in inputs.get(kind) or ()]
    owners = [inputs, *(one for one in indexes if isinstance(one, dict))]
    used = [owner[key] for owner in owners for key in ("hashKey", "rangeKey") if owner.get(key) is not None]
    used += [key["attributeName"] for owner in owners for key in owner.get("keySchemas") or ()]
    if not all(is_known(name) for name in (*listed, *used)):
        return
    unused = sorted(set(map(str, listed)) - set(used))
    missing = sorted(set(used) - set(listed))
    if unused:
        yield Problem("attributes", f"all attributes must be indexed; unused: {', '.join(unused)}")
    if missing:
        yield Problem("attributes", f"key attributes are not defined: {', '.join(missing)}")


def _keys(owner: Inputs) -> list[dict[str, str]]:
    if owner.get("keySchemas"):
        return [{"AttributeName": one["attributeName"], "KeyType": one["keyType"]} for one in owner["keySchemas"]]
    kinds = (("hashKey", "HASH"), ("rangeKey", "RANGE"))
    return [{"AttributeName": owner[key], "KeyType": kind} for key, kind in kinds if owner.get(key)]


def _definitions(inputs: Inputs) -> list[dict[str, str]]:
    return [{"AttributeName": one["name"], "AttributeType": one["type"]} for one in inputs.get("attributes") or ()]


def _throughput(owner: Inputs) -> dict[str, int]:
    return {"ReadCapacityUnits": owner["readCapacity"], "WriteCapacityUnits": owner["writeCapacity"]}


def _index(index: Inputs, table: Inputs) -> Outputs:
    """A local index has the table's hash key."""
    keys = index if index.get("hashKey") or index.get("keySchemas") else {**index, "hashKey": table["hashKey"]}
    request: Outputs = {
        "IndexName": index["name"],
        "KeySchema": _keys(keys),
        "Projection": {"ProjectionType": index["projectionType"]}
        | renamed(index, {"nonKeyAttributes": "NonKeyAttributes"}),
    }
    if index.get("readCapacity") and table["billingMode"] == "PROVISIONED":
        request["ProvisionedThroughput"] = _throughput(index)
    return request


def _stream(inputs: Inputs) -> Outputs:
    return {"StreamEnabled": True} | renamed(inputs, {"streamViewType": "StreamViewType"})


def _by_name(items: Any) -> dict[str, Any]:
    return {str(one.get("name")): one for one in items or () if isinstance(one, dict)}
