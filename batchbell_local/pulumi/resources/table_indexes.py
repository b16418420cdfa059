"""A DynamoDB table's secondary indexes: checks, comparison, and conversion to and from AWS's API.

A global index names its keys in `keySchemas` or, deprecated, in `hashKey` and `rangeKey`; both are equivalent.
Provider: dynamodb/table.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .api_form import renamed
from .errors import AwsRefusal, CheckFailure
from .property_values import Inputs, Outputs, is_known

GLOBAL, LOCAL = "globalSecondaryIndexes", "localSecondaryIndexes"
CAPACITIES = ("readCapacity", "writeCapacity")
MAX_KEYS = 4  # of each type in one index


def check(inputs: Inputs) -> Iterator[CheckFailure]:
    """The mistakes in a table's indexes and attributes."""
    for number, index in enumerate(_objects(inputs.get(GLOBAL))):
        yield from _key_failures(index, f"{GLOBAL}[{number}]")
    yield from _attribute_failures(inputs)


def same(old: Any, new: Any) -> bool:
    """Whether two lists of indexes are equal, in any order and with either form of keys."""
    if not is_known(old or ()) or not is_known(new or ()):
        return bool(old == new)
    before, after = ({one.get("name"): _meaning(one) for one in _objects(items)} for items in (old, new))
    return before == after


def keys(owner: Inputs) -> list[dict[str, str]]:
    """The key schema of a table or index for the API."""
    if owner.get("keySchemas"):
        return [{"AttributeName": one["attributeName"], "KeyType": one["keyType"]} for one in owner["keySchemas"]]
    kinds = (("hashKey", "HASH"), ("rangeKey", "RANGE"))
    return [{"AttributeName": owner[key], "KeyType": kind} for key, kind in kinds if owner.get(key)]


def throughput(owner: Inputs) -> dict[str, int]:
    return {"ReadCapacityUnits": owner["readCapacity"], "WriteCapacityUnits": owner["writeCapacity"]}


def requests(table: Inputs) -> Outputs:
    """The indexes in a CreateTable request. Raises AwsRefusal."""
    found = {}
    if table.get(GLOBAL):
        found["GlobalSecondaryIndexes"] = [_request(one, table) for one in table[GLOBAL]]
    if table.get(LOCAL):
        # A local index has the table's hash key.
        own = [{**one, "hashKey": table["hashKey"]} for one in table[LOCAL]]
        found["LocalSecondaryIndexes"] = [{"IndexName": one["name"], **_shape(one)} for one in own]
    return found


def updates(old: Inputs, news: Inputs) -> Iterator[Outputs]:
    """The UpdateTable requests that change the global indexes: deletions, then changed capacities, then creations.

    AWS creates and deletes one index per call, and keys and projections never change. Raises AwsRefusal.
    """
    before = {one["name"]: one for one in _objects(old.get(GLOBAL))}
    after = {one["name"]: one for one in _objects(news.get(GLOBAL))}
    requests = {name: _request(one, news) for name, one in after.items()}
    new = [name for name in after if name not in before or _shape(before[name]) != _shape(after[name])]
    for name in before:
        if name not in after or name in new:
            yield {"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": name}}]}
    for name, request in requests.items():
        capacities = [[one[name].get(capacity) for capacity in CAPACITIES] for one in (before, after) if name in one]
        if name not in new and "ProvisionedThroughput" in request and capacities[0] != capacities[-1]:
            update = {"IndexName": name, "ProvisionedThroughput": request["ProvisionedThroughput"]}
            yield {"GlobalSecondaryIndexUpdates": [{"Update": update}]}
    for name in new:
        yield {
            "AttributeDefinitions": definitions(news),
            "GlobalSecondaryIndexUpdates": [{"Create": requests[name]}],
        }


def definitions(table: Inputs) -> list[dict[str, str]]:
    return [{"AttributeName": one["name"], "AttributeType": one["type"]} for one in table.get("attributes") or ()]


def described(index: Mapping[str, Any]) -> Outputs:
    """An index from AWS as inputs, with its keys in both forms, as from the provider."""
    schema = index["KeySchema"]
    names = {kind: [one["AttributeName"] for one in schema if one["KeyType"] == kind] for kind in ("HASH", "RANGE")}
    capacity = index.get("ProvisionedThroughput") or {}
    found = {
        "name": index["IndexName"],
        "keySchemas": [{"attributeName": one["AttributeName"], "keyType": one["KeyType"]} for one in schema],
        "hashKey": names["HASH"][0] if len(names["HASH"]) == 1 else None,
        "rangeKey": names["RANGE"][0] if len(names["RANGE"]) == 1 else None,
        "projectionType": index["Projection"]["ProjectionType"],
        "nonKeyAttributes": index["Projection"].get("NonKeyAttributes"),
        "readCapacity": capacity.get("ReadCapacityUnits") or None,
        "writeCapacity": capacity.get("WriteCapacityUnits") or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _request(index: Inputs, table: Inputs) -> Outputs:
    request: Outputs = {"IndexName": index["name"], **_shape(index)}
    if table["billingMode"] == "PROVISIONED":
        if any((index.get(capacity) or 0) < 1 for capacity in CAPACITIES):
            raise AwsRefusal(
                f"index {index['name']}: read and write capacity must be at least 1 with billingMode PROVISIONED"
            )
        request["ProvisionedThroughput"] = throughput(index)
    return request


def _shape(index: Inputs) -> Outputs:
    """The unchangeable part of an index."""
    projection = {"ProjectionType": index["projectionType"]}
    projection |= renamed(index, {"nonKeyAttributes": "NonKeyAttributes"}, sorted)
    return {"KeySchema": keys(index), "Projection": projection}


def _meaning(index: Inputs) -> Outputs:
    """An index for comparison: missing capacity equals 0, and unknown values stay."""
    known = {name: value for name, value in index.items() if value not in (None, 0)}
    if is_known(known.get("nonKeyAttributes")):
        known["nonKeyAttributes"] = sorted(map(str, known["nonKeyAttributes"]))
    if all(is_known(known.get(name, "none")) for name in ("keySchemas", "hashKey", "rangeKey")):
        known["keys"] = keys(known)
        for name in ("keySchemas", "hashKey", "rangeKey"):
            known.pop(name, None)
    return known


def _key_failures(index: Inputs, where: str) -> Iterator[CheckFailure]:
    schema = index.get("keySchemas") or None
    if index.get("hashKey") is None and schema is None:
        yield CheckFailure(f"{where}.keySchemas", "is required unless hashKey is set")
    if schema is None or not is_known(schema):
        return
    for name in ("hashKey", "rangeKey"):
        if index.get(name) is not None:
            yield CheckFailure(f"{where}.{name}", "conflicts with keySchemas")
    types = [one.get("keyType") for one in _objects(schema)]
    if not 1 <= types.count("HASH") <= MAX_KEYS or types.count("RANGE") > MAX_KEYS:
        yield CheckFailure(f"{where}.keySchemas", f"takes 1 to {MAX_KEYS} HASH keys and at most {MAX_KEYS} RANGE keys")
    if types != sorted(types, key=lambda kind: kind == "RANGE"):
        yield CheckFailure(f"{where}.keySchemas", "takes HASH keys before RANGE keys")


def _attribute_failures(inputs: Inputs) -> Iterator[CheckFailure]:
    """`attributes` are exactly the keys of the table and its indexes (dynamodb/table.go: validateTableAttributes)."""
    listed = [one.get("name") for one in _objects(inputs.get("attributes"))]
    owners = [inputs, *_objects(inputs.get(GLOBAL)), *_objects(inputs.get(LOCAL))]
    used = [owner[key] for owner in owners for key in ("hashKey", "rangeKey") if owner.get(key) is not None]
    used += [one.get("attributeName") for owner in owners for one in _objects(owner.get("keySchemas"))]
    whole = [inputs.get(name) for name in ("attributes", GLOBAL, LOCAL)] + [one.get("keySchemas") for one in owners]
    if not all(is_known(value) for value in (*listed, *used, *(one for one in whole if one is not None))):
        return
    unused = sorted(set(map(str, listed)) - set(used))
    missing = sorted(set(used) - set(listed))
    if unused:
        yield CheckFailure("attributes", f"all attributes must be indexed; unused: {', '.join(unused)}")
    if missing:
        yield CheckFailure("attributes", f"key attributes are not defined: {', '.join(missing)}")


def _objects(items: Any) -> list[Inputs]:
    """The known objects of a list that may be unknown or missing."""
    return [one for one in items if isinstance(one, Mapping)] if isinstance(items, list | tuple) else []
