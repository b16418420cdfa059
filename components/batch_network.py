"""The subnets in which a Batch environment's jobs run: those of the settings, or the default VPC's own public ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from .settings.environment import EnvironmentSettings

# The zones with Fargate, where it is not in all of a region's (Amazon ECS Developer Guide, "Supported Regions for
# Amazon ECS on AWS Fargate").
FARGATE_ZONES: Mapping[str, Collection[str]] = {
    "us-west-1": ("usw1-az1", "usw1-az3"),
    "ap-northeast-1": ("apne1-az1", "apne1-az2", "apne1-az4"),
    "cn-north-1": ("cnn1-az1", "cnn1-az2"),
}


@dataclass(frozen=True)
class Network:
    """A VPC, and those of its subnets that are used."""

    subnet_ids: pulumi.Input[Any]
    vpc_id: pulumi.Input[str]


def find_network(settings: EnvironmentSettings, region: str, parent: pulumi.Resource) -> Network:
    """Return the network of the settings, or the default VPC's.

    Of the default VPC only each zone's own subnet is taken, if it is public. Others were added, perhaps without a way
    to the registry, or are in a Local Zone, which Fargate does not have and where many instance types are missing. A
    message says which were left out. They may be given in the settings.

    Raises pulumi.RunError if nothing is left.
    """
    options = pulumi.InvokeOptions(parent=parent)
    if settings.subnet_ids:
        first = aws.ec2.get_subnet_output(id=settings.subnet_ids[0], opts=options)
        return Network(list(settings.subnet_ids), first.vpc_id)
    instead = f"in {region}: set environment_subnet_ids to subnets of the VPC that jobs run in"
    try:
        vpc = aws.ec2.get_vpc(default=True, opts=options)
    except Exception as error:  # what the SDK raises for a failed invoke
        raise pulumi.RunError(f"found no default VPC {instead} ({error})") from None
    subnets = _Subnets(vpc.id, options)
    every = subnets.matching()
    if not every:
        raise pulumi.RunError(f"the default VPC {vpc.id} has no subnets {instead}")
    zones = subnets.zones()
    with_fargate = [zone for zone in zones if zone in FARGATE_ZONES.get(region, zones)]
    usable = with_fargate if settings.is_fargate else zones
    own, public = {"default-for-az": ["true"]}, {"map-public-ip-on-launch": ["true"]}
    chosen = subnets.matching(own | public | {"availability-zone-id": usable})
    left_out = [subnet for subnet in every if subnet not in chosen]
    if left_out:
        requirements = {
            "not its zone's own subnet": own,
            "without public addresses": public,
            "in a Local Zone": {"availability-zone-id": zones},
            "in a zone without Fargate": {"availability-zone-id": usable},
        }
        text = f"of the default VPC {vpc.id} these subnets are left out: {subnets.why(left_out, requirements)}"
        if not chosen:
            raise pulumi.RunError(f"{text}; none is left {instead}")
        pulumi.log.info(f"{text}; to use them, set environment_subnet_ids", parent)
    return Network(chosen, vpc.id)


@dataclass(frozen=True)
class _Subnets:
    """Finds subnets of a VPC by the filters of DescribeSubnets."""

    vpc_id: str
    options: pulumi.InvokeOptions

    def matching(self, filters: Mapping[str, list[str]] | None = None) -> list[str]:
        if not all((filters or {}).values()):  # a filter that allows no value, which AWS does not accept
            return []
        given = [
            aws.ec2.GetSubnetsFilterArgs(name=name, values=values)
            for name, values in {"vpc-id": [self.vpc_id], **(filters or {})}.items()
        ]
        return list(aws.ec2.get_subnets(filters=given, opts=self.options).ids)

    def zones(self) -> list[str]:
        """The ids of the region's Availability Zones, without Local Zones and Wavelength Zones."""
        kind = aws.GetAvailabilityZonesFilterArgs(name="zone-type", values=["availability-zone"])
        return list(aws.get_availability_zones(filters=[kind], opts=self.options).zone_ids)

    def why(self, left_out: list[str], requirements: Mapping[str, Mapping[str, list[str]]]) -> str:
        """Each subnet with the first requirement that it does not meet: "subnet-1 (without public addresses)"."""
        meeting = {reason: self.matching(dict(filters)) for reason, filters in requirements.items()}
        return ", ".join(
            f"{subnet} ({next((reason for reason, ids in meeting.items() if subnet not in ids), 'unknown')})"
            for subnet in left_out
        )
