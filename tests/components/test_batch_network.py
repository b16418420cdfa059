"""Which subnets of a default VPC are used, for the filters that DescribeSubnets takes."""

from __future__ import annotations

from types import SimpleNamespace

import pulumi
import pulumi_aws as aws
import pytest

from components.batch_network import find_network
from components.settings.environment import EnvironmentSettings

OWN = {"vpc-id": "vpc-1", "default-for-az": "true", "map-public-ip-on-launch": "true"}
LOCAL_ZONES = ("usw1-lax1-az1",)


@pytest.fixture
def used(monkeypatch):
    """Returns the subnets that are used of these, by zone id or as attributes, and the messages."""

    def use(region, platform, *subnets):
        found = [
            OWN | {"availability-zone-id": one, "id": one} if isinstance(one, str) else OWN | one for one in subnets
        ]
        messages = []

        def get_subnets(filters, opts):
            wanted = {one.name: one.values for one in filters}
            return SimpleNamespace(
                ids=[one["id"] for one in found if all(one[name] in values for name, values in wanted.items())]
            )

        def get_zones(filters, opts):
            assert [(one.name, one.values) for one in filters] == [("zone-type", ["availability-zone"])]
            zones = {one["availability-zone-id"] for one in found} - {*LOCAL_ZONES}
            return SimpleNamespace(zone_ids=sorted(zones))

        monkeypatch.setattr(aws.ec2, "get_vpc", lambda **_: SimpleNamespace(id="vpc-1"))
        monkeypatch.setattr(aws.ec2, "get_subnets", get_subnets)
        monkeypatch.setattr(aws, "get_availability_zones", get_zones)
        monkeypatch.setattr(pulumi.log, "info", lambda text, resource: messages.append(text))
        settings = EnvironmentSettings(name="x", platform=platform)
        return find_network(settings, region, pulumi.Resource.__new__(pulumi.Resource)).subnet_ids, "\n".join(messages)

    return use


def test_a_default_vpc_as_aws_makes_it_is_used_whole_without_a_message(used):
    assert used("us-west-2", "FARGATE", "usw2-az1", "usw2-az2") == (["usw2-az1", "usw2-az2"], "")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"default-for-az": "false"}, "not its zone's own subnet"),
        ({"map-public-ip-on-launch": "false"}, "without public addresses"),
        ({"availability-zone-id": LOCAL_ZONES[0]}, "in a Local Zone"),
    ],
)
@pytest.mark.parametrize("platform", ["EC2", "FARGATE"])
def test_what_people_add_to_it_is_left_out_and_named_with_the_reason(used, platform, change, reason):
    added = {"id": "subnet-added", "availability-zone-id": "usw1-az1"} | change
    ids, message = used("us-west-1", platform, "usw1-az1", added)

    assert ids == ["usw1-az1"]
    assert f"subnet-added ({reason})" in message


def test_fargate_is_not_used_in_a_zone_that_lacks_it_and_instances_are(used):
    zones = ("usw1-az1", "usw1-az2", "usw1-az3")
    ids, message = used("us-west-1", "FARGATE", *zones)

    assert ids == ["usw1-az1", "usw1-az3"]
    assert "usw1-az2 (in a zone without Fargate)" in message
    assert used("us-west-1", "SPOT", *zones) == ([*zones], "")


def test_nothing_left_is_an_error_that_names_what_was_left_out(used):
    with pytest.raises(pulumi.RunError, match=r"usw1-az2 \(in a zone without Fargate\); none is left in us-west-1"):
        used("us-west-1", "FARGATE", "usw1-az2")
