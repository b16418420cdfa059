"""What differs by partition or Region of AWS, in one table: for deploy time, the function and the commands.

Standard library only. What nobody has looked up counts as missing, so that a deployment is not refused for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["Feature", "console_domain", "ec2_principal", "offers"]


class Feature(StrEnum):
    """What AWS does not offer everywhere."""

    RECURSION_SETTING = "Lambda's recursion setting"
    MAPPING_TAGS = "tags of event source mappings"
    MOVE_TASKS = "SQS's message move tasks"
    SES = "SES"


@dataclass(frozen=True)
class _Partition:
    """A partition.

    regions: the names of its Regions
    console: the console's domain; may hold {region}
    lacks: what none of its Regions offers
    regions_lack: what single Regions do not offer either
    ec2: EC2 as the principal of a role
    """

    regions: re.Pattern[str]
    console: str
    lacks: frozenset[Feature] = frozenset()
    regions_lack: Mapping[str, frozenset[Feature]] = field(default_factory=dict)
    ec2: str = "ec2.amazonaws.com"


_NO_SES = frozenset({Feature.SES})

# Regions: the SDK's partitions.json. Consoles: AWS General Reference, "AWS GovCloud (US) endpoints" and "Endpoints and
# ARNs for AWS in China"; AWS European Sovereign Cloud, "Endpoints".
# Recursion: aws/aws-lambda-roadmap#18. Tags of mappings: aws/aws-cdk#31965 (GovCloud) and #31532 (China). Move tasks:
# "Getting Started with AWS in China". SES: the SDK's endpoints.json, and the Regions' CloudFormation schemas.
_PARTITIONS: Mapping[str, _Partition] = {
    "aws": _Partition(
        re.compile(r"(?:us|eu|ap|sa|ca|me|af|il|mx)-[a-z]{1,20}-[0-9]{1,2}"),
        "{region}.console.aws.amazon.com",
        regions_lack={
            "ap-east-1": _NO_SES,
            "ap-east-2": _NO_SES,
            "ap-southeast-4": _NO_SES,
            "ap-southeast-6": frozenset({Feature.RECURSION_SETTING, Feature.SES}),
            "ap-southeast-7": _NO_SES,
            "eu-south-2": _NO_SES,
            "mx-central-1": frozenset({Feature.RECURSION_SETTING, Feature.SES}),
        },
    ),
    "aws-us-gov": _Partition(
        re.compile(r"us-gov-[a-z]{1,20}-[0-9]{1,2}"),
        "console.amazonaws-us-gov.com",
        lacks=frozenset({Feature.RECURSION_SETTING, Feature.MAPPING_TAGS}),
    ),
    "aws-cn": _Partition(
        re.compile(r"cn-[a-z]{1,20}-[0-9]{1,2}"),
        "console.amazonaws.cn",
        lacks=frozenset(Feature),
        ec2="ec2.amazonaws.com.cn",
    ),
    "aws-eusc": _Partition(
        re.compile(r"eusc-[a-z]{2}-[a-z]{1,20}-[0-9]{1,2}"),
        "{region}.console.amazonaws-eusc.eu",
        lacks=frozenset({Feature.RECURSION_SETTING, Feature.MAPPING_TAGS}),  # not looked up
    ),
}


def offers(partition: str, region: str, feature: Feature) -> bool:
    """Whether AWS offers `feature` in a Region. An unknown partition offers nothing."""
    found = _PARTITIONS.get(partition)
    return found is not None and feature not in found.lacks | found.regions_lack.get(region, frozenset())


def console_domain(partition: str, region: str) -> str | None:
    """The domain of the console, or None if the partition's is unknown or it has no such Region."""
    found = _PARTITIONS.get(partition)
    if found is None or not found.regions.fullmatch(region):
        return None
    return found.console.format(region=region)


def ec2_principal(partition: str) -> str:
    """EC2's name in the trust policy of a role for instances."""
    found = _PARTITIONS.get(partition)
    return found.ec2 if found else "ec2.amazonaws.com"
