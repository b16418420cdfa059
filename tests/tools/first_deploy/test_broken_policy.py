"""A queue without EventBridge's permission, and what CloudWatch then has."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from batchbell_local.cloud import LocalCloud
from batchbell_local.server import ROOT_ACCESS_KEY, ROOT_SECRET_KEY
from tools.first_deploy.account import Account
from tools.first_deploy.broken_policy import sums, wait_for_metric, without_permission
from tools.first_deploy.step import Deadline

WITHOUT_TLS = {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}
DENY = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*", **WITHOUT_TLS}
ALLOW = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
POLICY = {"Version": "2012-10-17", "Statement": [DENY, {**ALLOW, "Resource": "*"}]}


@pytest.fixture
def account(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Account:
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    session = boto3.Session(ROOT_ACCESS_KEY, ROOT_SECRET_KEY, region_name=cloud.region)
    return Account(session, cloud.account_id, "aws")


def test_only_the_denials_apply_meanwhile_and_then_the_policy_is_as_before(cloud: LocalCloud) -> None:
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="broken-policy", Attributes={"Policy": json.dumps(POLICY)})["QueueUrl"]

    def statements() -> list[str]:
        policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
        return [one["Effect"] for one in json.loads(policy)["Statement"]]

    def be_interrupted() -> None:
        with without_permission(sqs, [url]):
            assert statements() == ["Deny"]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        be_interrupted()
    assert statements() == ["Deny", "Allow"]


def test_a_rules_metrics_are_summed_since_the_beginning_and_by_their_exact_names(
    cloud: LocalCloud, account: Account
) -> None:
    now = datetime.now(UTC)
    for name, rule, at in (
        ("InvocationsFailedToBeSentToDlq", "ours", now),
        ("InvocationsFailedToBeSentToDlq", "ours", now),
        ("InvocationsFailedToBeSentToDlq", "ours", now - timedelta(minutes=5)),
        ("FailedInvocations", "theirs", now),
    ):
        datum = {"MetricName": name, "Dimensions": [{"Name": "RuleName", "Value": rule}], "Timestamp": at, "Value": 1}
        cloud.client("cloudwatch").put_metric_data(Namespace="AWS/Events", MetricData=[datum])

    assert sums(account, "ours", now) == {"InvocationsFailedToBeSentToDlq": 2}


def test_a_metric_that_does_not_move_is_a_finding(account: Account) -> None:
    found = wait_for_metric(
        account, "quiet", "InvocationsSentToDlq", datetime.now(UTC), Deadline(60), at_most=0.2, every=0.1
    )
    assert found == {"expected": "InvocationsSentToDlq", "moved": False, "sums": {}, "listed": []}
