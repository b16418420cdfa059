from __future__ import annotations

import json

import pytest

from batchbell_local.pulumi.resources import FUNCTIONS, AwsRefusal


def invoke(name, clients, **arguments):
    return FUNCTIONS[f"aws:{name}:{name.rsplit('/', 1)[-1]}"](arguments, clients)


def test_the_caller_is_the_local_account(clients):
    assert invoke("index/getCallerIdentity", clients)["accountId"] == "123456789012"


def test_the_region_is_the_clouds(clients):
    assert invoke("index/getRegion", clients)["region"] == clients.region


def test_the_default_network_has_subnets(clients):
    vpc = invoke("ec2/getVpc", clients, default=True)
    found = invoke("ec2/getSubnets", clients, filters=[{"name": "vpc-id", "values": [vpc["id"]]}])
    assert found["ids"]
    assert invoke("ec2/getSubnet", clients, id=found["ids"][0])["vpcId"] == vpc["id"]


def test_the_zones_of_a_region_are_told_apart_from_its_local_zones(clients):
    every = invoke("index/getAvailabilityZones", clients)
    zones = invoke(
        "index/getAvailabilityZones", clients, filters=[{"name": "zone-type", "values": ["availability-zone"]}]
    )
    assert zones["names"] == [f"{clients.region}{letter}" for letter in "abc"]
    assert {*every["names"]} - {*zones["names"]} == {f"{clients.region}-bos-1a"}
    assert len(zones["zoneIds"]) == 3


def test_no_matching_network_is_an_error(clients):
    with pytest.raises(AwsRefusal, match="no matching EC2 VPC"):
        invoke("ec2/getVpc", clients, filters=[{"name": "tag:Name", "values": ["nowhere"]}])


def test_more_than_one_matching_subnet_is_an_error(clients):
    vpc = invoke("ec2/getVpc", clients, default=True)
    with pytest.raises(AwsRefusal, match="multiple EC2 Subnets matched"):
        invoke("ec2/getSubnet", clients, vpcId=vpc["id"])


def test_no_matching_subnets_is_an_empty_list(clients):
    assert invoke("ec2/getSubnets", clients, filters=[{"name": "vpc-id", "values": ["vpc-none"]}])["ids"] == []


def test_a_policy_document_is_iams_json(clients):
    statement = {
        "sid": "Send",
        "actions": ["sqs:SendMessage"],
        "resources": ["a", "b"],
        "principals": [{"type": "Service", "identifiers": ["events.amazonaws.com"]}],
        "conditions": [{"test": "ArnEquals", "variable": "aws:SourceArn", "values": ["rule"]}],
    }
    found = invoke("iam/getPolicyDocument", clients, statements=[statement])
    assert (
        json.loads(found["json"])
        == json.loads(found["minifiedJson"])
        == {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "Send",
                    "Effect": "Allow",
                    "Action": "sqs:SendMessage",
                    "Resource": ["b", "a"],
                    "Principal": {"Service": "events.amazonaws.com"},
                    "Condition": {"ArnEquals": {"aws:SourceArn": "rule"}},
                }
            ],
        }
    )


def test_the_principal_for_everybody_is_a_star(clients):
    everybody = [{"type": "*", "identifiers": ["*"]}]
    found = invoke("iam/getPolicyDocument", clients, statements=[{"actions": ["a"], "principals": everybody}])
    assert json.loads(found["json"])["Statement"][0]["Principal"] == "*"
