"""Gives MiniStack's default VPC what people add to theirs, and the filters that tell these subnets apart.

Beside each zone's own public subnet there are a private one, and one in a Local Zone, which Fargate does not have.
DescribeSubnets and DescribeAvailabilityZones take the filters that the API reference lists, and refuse any other as AWS
does: MiniStack ignores those that it does not know, and so returns too many.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2

PRIVATE_SUBNET = "subnet-00000004"
LOCAL_ZONE_SUBNET = "subnet-00000005"

Filters = Mapping[str, list[str]]
Response = tuple[int, dict[str, str], bytes]

SUBNET_FILTERS: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "map-public-ip-on-launch": lambda subnet: str(bool(subnet["MapPublicIpOnLaunch"])).lower(),
    "availability-zone-id": lambda subnet: str(subnet["AvailabilityZoneId"]),
    "state": lambda subnet: str(subnet["State"]),
}
"""The value of a subnet that each filter compares; MiniStack compares the others."""
MINISTACKS_FILTERS = {"vpc-id", "availability-zone", "subnet-id", "cidr-block", "cidr", "cidrBlock", "default-for-az"}

ZONE_FILTERS = {"zone-name": "zoneName", "zone-id": "zoneId", "zone-type": "zoneType", "opt-in-status": "optInStatus"}


def install() -> None:
    """Change this process's MiniStack. Call it before the first request."""
    init_defaults, matches = ec2._init_defaults, ec2._matches_subnet_filters

    def init_all_defaults() -> None:
        init_defaults()
        _add_subnets()

    def matches_all(subnet: dict[str, Any], filters: Filters) -> bool:
        own = {name: filters[name] for name in filters.keys() & SUBNET_FILTERS.keys()}
        rest = {name: values for name, values in filters.items() if name not in own}
        return all(SUBNET_FILTERS[name](subnet) in values for name, values in own.items()) and matches(subnet, rest)

    ec2._init_defaults, ec2._matches_subnet_filters = init_all_defaults, matches_all
    ec2._ACTION_MAP["DescribeSubnets"] = _refusing(ec2._describe_subnets, MINISTACKS_FILTERS | SUBNET_FILTERS.keys())
    ec2._ACTION_MAP["DescribeAvailabilityZones"] = _refusing(_describe_zones, set(ZONE_FILTERS))
    ec2._init_defaults()  # MiniStack made its own when it was imported


def _refusing(operation: Callable[[Any], Response], names: set[str]) -> Callable[[Any], Response]:
    """The operation, which refuses filters other than `names` and tags."""

    def checked(parameters: Any) -> Response:
        for name in ec2._parse_filters(parameters):
            if name not in names and name != "tag-key" and not name.startswith("tag:"):
                refusal: Response = ec2._error("InvalidParameterValue", f"The filter '{name}' is invalid", 400)
                return refusal
        return operation(parameters)

    return checked


def _add_subnets() -> None:
    # In a zone of its own kind a default subnet is public as everywhere.
    zone = f"{get_region()}a"
    places = (
        (PRIVATE_SUBNET, "172.31.48.0/20", zone, ec2._az_id_for_zone_name(zone), False),
        (LOCAL_ZONE_SUBNET, "172.31.64.0/20", *_local_zone(), True),
    )
    for subnet_id, block, name, zone_id, is_default in places:
        if subnet_id not in ec2._subnets:
            ec2._subnets[subnet_id] = {
                "SubnetId": subnet_id,
                "VpcId": ec2._DEFAULT_VPC_ID,
                "CidrBlock": block,
                "AvailabilityZone": name,
                "AvailabilityZoneId": zone_id,
                "AvailableIpAddressCount": 4091,
                "State": "available",
                "DefaultForAz": is_default,
                "MapPublicIpOnLaunch": is_default,
                "OwnerId": get_account_id(),
            }


def _local_zone() -> tuple[str, str]:
    """Name and id of the Local Zone of this region."""
    return f"{get_region()}-bos-1a", f"{ec2._az_id_prefix(get_region())}-bos1-az1"


def _describe_zones(parameters: Any) -> Response:
    region, filters = get_region(), ec2._parse_filters(parameters)
    zones = [
        _zone(f"{region}{letter}", ec2._az_id_for_zone_name(f"{region}{letter}"), "availability-zone", f"{region}-zg-1")
        for letter in "abc"
    ]
    name, zone_id = _local_zone()
    zones.append(_zone(name, zone_id, "local-zone", name[:-1]))
    found = [zone for zone in zones if all(zone[ZONE_FILTERS[key]] in filters[key] for key in filters)]
    items = "".join(
        "<item>" + "".join(f"<{key}>{value}</{key}>" for key, value in zone.items()) + "</item>" for zone in found
    )
    response: Response = ec2._xml(
        200, "DescribeAvailabilityZonesResponse", f"<availabilityZoneInfo>{items}</availabilityZoneInfo>"
    )
    return response


def _zone(name: str, zone_id: str, kind: str, group: str) -> dict[str, str]:
    return {
        "zoneName": name,
        "zoneState": "available",
        "regionName": get_region(),
        "zoneId": zone_id,
        "groupName": group,
        "networkBorderGroup": get_region() if kind == "availability-zone" else group,
        "optInStatus": "opt-in-not-required" if kind == "availability-zone" else "opted-in",
        "zoneType": kind,
    }
