"""The table of what differs by partition or Region, held against the data of AWS's own SDK."""

from __future__ import annotations

import boto3
import pytest

from batchbell.partitions import Feature, console_domain, ec2_principal, offers

PARTITIONS = ("aws", "aws-us-gov", "aws-cn", "aws-eusc")


@pytest.mark.parametrize("partition", PARTITIONS)
def test_ses_is_offered_where_the_sdk_has_an_endpoint(partition):
    session = boto3.Session()
    regions = session.get_available_regions("batch", partition_name=partition)
    offered = [region for region in regions if offers(partition, region, Feature.SES)]
    print(f"{partition}: {len(offered)} of {len(regions)} Regions have SES")

    assert regions
    assert offered == [
        one for one in regions if one in session.get_available_regions("sesv2", partition_name=partition)
    ]


@pytest.mark.parametrize("partition", PARTITIONS)
def test_every_region_of_batch_has_a_console(partition):
    regions = boto3.Session().get_available_regions("batch", partition_name=partition)

    assert regions and all(console_domain(partition, region) for region in regions)


def test_an_unknown_partition_offers_nothing():
    assert not any(offers("aws-iso", "us-iso-east-1", feature) for feature in Feature)
    assert console_domain("aws-iso", "us-iso-east-1") is None
    assert ec2_principal("aws-iso") == "ec2.amazonaws.com"
