"""Every ARN and endpoint of every stack, in each partition."""

from __future__ import annotations

import json

import pytest

from tests.judges.arns import judge_arns
from tests.judges.faults import plant, put
from tests.judges.stacks import STACKS
from tests.judges.verdict import together


def test_every_arn_of_every_stack_passes():
    total = together(judge_arns(stack.record().resources, stack.place) for stack in STACKS.values())
    print(f"botocore's endpoints judged {total}")
    assert total.findings == []
    assert total.judged["ARNs"] >= 500 and total.judged["services"] >= 400 and total.judged["endpoints"] >= 20


QUEUE = "arn:aws-cn:sqs:cn-north-1:123456789012:nightly"


@pytest.mark.parametrize(
    ("type_", "fault", "finding"),
    [
        ("EventTarget", put("arn", QUEUE.replace("aws-cn", "aws")), "is not in the partition aws-cn"),
        ("EventTarget", put("arn", QUEUE.replace("cn-north-1", "us-east-1")), "aws-cn has no such Region"),
        ("EventTarget", put("arn", QUEUE.replace("sqs", "ses")), "cn-north-1 has no ses"),
        ("EventTarget", put("arn", QUEUE.replace("123456789012", "12345")), "is not of an account"),
        (
            "QueuePolicy",
            put("policy", json.dumps({"Statement": [{"Resource": QUEUE.replace("aws-cn", "aws-us-gov")}]})),
            "is not in the partition aws-cn",
        ),
        (
            "QueuePolicy",
            put("queueUrl", "https://sqs.cn-north-1.amazonaws.com/123456789012/nightly"),
            "is not in aws-cn",
        ),
    ],
)
def test_a_planted_fault_is_found(type_, fault, finding):
    stack = STACKS["longest-names-aws-cn"]
    verdict = judge_arns(plant(stack.record().resources, type_, fault), stack.place)
    assert [finding in one for one in verdict.findings] == [True]
