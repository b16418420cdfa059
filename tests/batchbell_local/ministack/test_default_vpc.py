"""The default VPC of local AWS, which has what people add to theirs."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from batchbell_local.cloud import LocalCloud


def subnets(cloud: LocalCloud, **filters: str) -> list[dict[str, Any]]:
    given = [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in filters.items()]
    found: list[dict[str, Any]] = cloud.client("ec2").describe_subnets(Filters=given)["Subnets"]
    return found


def test_it_has_private_subnets_and_subnets_in_local_zones_beside_each_zones_own(cloud: LocalCloud) -> None:
    (vpc,) = cloud.client("ec2").describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    found = [one for one in subnets(cloud) if one["VpcId"] == vpc["VpcId"]]
    kinds = [(one["AvailabilityZone"], one["DefaultForAz"], one["MapPublicIpOnLaunch"]) for one in found]
    assert sorted(kinds) == [
        ("us-east-1-bos-1a", True, True),
        ("us-east-1a", False, False),
        *((f"us-east-1{letter}", True, True) for letter in "abc"),
    ]


def test_the_filters_tell_them_apart(cloud: LocalCloud) -> None:
    (private,) = subnets(cloud, map_public_ip_on_launch="false")
    (in_local_zone,) = subnets(cloud, availability_zone_id="use1-bos1-az1")
    assert private["SubnetId"] != in_local_zone["SubnetId"]
    assert len(subnets(cloud, map_public_ip_on_launch="true", default_for_az="true")) == 4


@pytest.mark.parametrize("operation", ["describe_subnets", "describe_availability_zones"])
def test_an_unknown_filter_is_refused_and_not_ignored(cloud: LocalCloud, operation: str) -> None:
    with pytest.raises(ClientError, match="The filter 'map-public-ip' is invalid"):
        getattr(cloud.client("ec2"), operation)(Filters=[{"Name": "map-public-ip", "Values": ["true"]}])
