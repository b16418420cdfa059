"""The provider's functions, which a program calls while it runs. Each takes arguments (wire names) and clients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .clients import Clients
from .errors import AwsRefusal
from .policy_document import get_policy_document
from .property_values import Inputs, Outputs

Invoke = Callable[[Inputs, Clients], Outputs]


def get_caller_identity(arguments: Inputs, clients: Clients) -> Outputs:
    caller = clients("sts").get_caller_identity()
    return {
        "id": caller["Account"],
        "accountId": caller["Account"],
        "arn": caller["Arn"],
        "userId": caller["UserId"],
    }


def get_region(arguments: Inputs, clients: Clients) -> Outputs:
    region = arguments.get("region") or arguments.get("name") or clients.region
    endpoint = f"ec2.{region}.amazonaws.com"
    return {"id": region, "name": region, "region": region, "description": region, "endpoint": endpoint}


def get_partition(arguments: Inputs, clients: Clients) -> Outputs:
    return {"id": "aws", "partition": "aws", "dnsSuffix": "amazonaws.com", "reverseDnsPrefix": "com.amazonaws"}


def get_vpc(arguments: Inputs, clients: Clients) -> Outputs:
    """The one matching VPC. Raises AwsRefusal if there is none or more than one."""
    filters = _filters(arguments, {"cidrBlock": "cidr", "dhcpOptionsId": "dhcp-options-id", "state": "state"})
    if arguments.get("default") is not None:
        filters.append({"Name": "isDefault", "Values": [str(bool(arguments["default"])).lower()]})
    vpc = _only(clients("ec2").describe_vpcs(**_request("VpcIds", arguments, filters))["Vpcs"], "EC2 VPC")
    id = vpc["VpcId"]
    tables = clients("ec2").describe_route_tables(
        Filters=[{"Name": "vpc-id", "Values": [id]}, {"Name": "association.main", "Values": ["true"]}]
    )["RouteTables"]
    return {
        "id": id,
        "arn": f"arn:aws:ec2:{clients.region}:{clients.account}:vpc/{id}",
        "cidrBlock": vpc["CidrBlock"],
        "cidrBlockAssociations": [],
        "default": bool(vpc.get("IsDefault")),
        "dhcpOptionsId": vpc.get("DhcpOptionsId", ""),
        "enableDnsHostnames": True,
        "enableDnsSupport": True,
        "instanceTenancy": vpc.get("InstanceTenancy", "default"),
        "mainRouteTableId": tables[0]["RouteTableId"] if tables else "",
        "ownerId": vpc.get("OwnerId", clients.account),
        "region": clients.region,
        "state": vpc.get("State", "available"),
        "tags": _tags(vpc),
    }


def get_subnets(arguments: Inputs, clients: Clients) -> Outputs:
    """All matching subnets, possibly none."""
    found = clients("ec2").describe_subnets(**_request("SubnetIds", {}, _filters(arguments, {})))["Subnets"]
    return {
        "id": clients.region,
        "ids": sorted(subnet["SubnetId"] for subnet in found),
        "filters": arguments.get("filters") or [],
        "tags": arguments.get("tags") or {},
        "region": clients.region,
    }


def get_subnet(arguments: Inputs, clients: Clients) -> Outputs:
    """The one matching subnet. Raises AwsRefusal if there is none or more than one."""
    names = {
        "availabilityZone": "availability-zone",
        "cidrBlock": "cidr",
        "vpcId": "vpc-id",
        "state": "state",
    }
    filters = _filters(arguments, names)
    if arguments.get("defaultForAz") is not None:
        filters.append({"Name": "default-for-az", "Values": [str(bool(arguments["defaultForAz"])).lower()]})
    subnet = _only(
        clients("ec2").describe_subnets(**_request("SubnetIds", arguments, filters))["Subnets"], "EC2 Subnet"
    )
    return {
        "id": subnet["SubnetId"],
        "arn": f"arn:aws:ec2:{clients.region}:{clients.account}:subnet/{subnet['SubnetId']}",
        "vpcId": subnet["VpcId"],
        "cidrBlock": subnet["CidrBlock"],
        "availabilityZone": subnet["AvailabilityZone"],
        "availabilityZoneId": subnet.get("AvailabilityZoneId", ""),
        "availableIpAddressCount": subnet.get("AvailableIpAddressCount", 0),
        "defaultForAz": bool(subnet.get("DefaultForAz")),
        "mapPublicIpOnLaunch": bool(subnet.get("MapPublicIpOnLaunch")),
        "ownerId": subnet.get("OwnerId", clients.account),
        "region": clients.region,
        "state": subnet.get("State", "available"),
        "tags": _tags(subnet),
    }


def get_availability_zones(arguments: Inputs, clients: Clients) -> Outputs:
    """The zones of the region that are enabled; with `allAvailabilityZones`, all."""
    filters = _filters(arguments, {"state": "state"})
    everything = bool(arguments.get("allAvailabilityZones"))
    request = {"AllAvailabilityZones": everything} | ({"Filters": filters} if filters else {})
    found = clients("ec2").describe_availability_zones(**request)["AvailabilityZones"]
    zones = sorted(found, key=lambda zone: str(zone["ZoneName"]))
    return {
        "id": clients.region,
        "names": [zone["ZoneName"] for zone in zones],
        "zoneIds": [zone["ZoneId"] for zone in zones],
        "groupNames": sorted({zone.get("GroupName", "") for zone in zones}),
        "region": clients.region,
    }


FUNCTIONS: dict[str, Invoke] = {
    "aws:index/getAvailabilityZones:getAvailabilityZones": get_availability_zones,
    "aws:index/getCallerIdentity:getCallerIdentity": get_caller_identity,
    "aws:index/getRegion:getRegion": get_region,
    "aws:index/getPartition:getPartition": get_partition,
    "aws:ec2/getVpc:getVpc": get_vpc,
    "aws:ec2/getSubnets:getSubnets": get_subnets,
    "aws:ec2/getSubnet:getSubnet": get_subnet,
    "aws:iam/getPolicyDocument:getPolicyDocument": get_policy_document,
}


def _filters(arguments: Inputs, names: dict[str, str]) -> list[dict[str, Any]]:
    filters = [{"Name": one["name"], "Values": one["values"]} for one in arguments.get("filters") or ()]
    filters += [{"Name": f"tag:{key}", "Values": [value]} for key, value in (arguments.get("tags") or {}).items()]
    return filters + [
        {"Name": api, "Values": [str(arguments[wire])]} for wire, api in names.items() if arguments.get(wire)
    ]


def _request(key: str, arguments: Inputs, filters: list[dict[str, Any]]) -> Outputs:
    ids = {key: [arguments["id"]]} if arguments.get("id") else {}
    return ids | ({"Filters": filters} if filters else {})


def _only(found: list[dict[str, Any]], what: str) -> dict[str, Any]:
    if not found:
        raise AwsRefusal(f"no matching {what} found")
    if len(found) > 1:
        raise AwsRefusal(f"multiple {what}s matched; use additional constraints to reduce matches to a single {what}")
    return found[0]


def _tags(thing: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in thing.get("Tags", [])}
