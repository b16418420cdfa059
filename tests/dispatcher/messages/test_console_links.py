"""Which parts of an event may become a link into the AWS console."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

import botocore
import pytest

from batchbell.dispatcher.messages import console_links
from batchbell.dispatcher.messages.failures import failure_of
from batchbell.dispatcher.messages.finished_job import compose
from batchbell.dispatcher.messages.queue_blocked import compose_blocked
from batchbell.dispatcher.records.blocked_queue import BlockedQueue
from batchbell.dispatcher.records.job import Job

PARTITIONS = json.loads((Path(botocore.__file__).parent / "data" / "partitions.json").read_text())["partitions"]
JOB = "0f5c1d7e-93ab-4d0c-8b11-2f6a7c9e4b02"
QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/nightly"
CONSOLES = {
    "aws": "{region}.console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-eusc": "{region}.console.amazonaws-eusc.eu",
}
NO_REGION = [
    "evil.example/",
    "evil.example#",
    "us-east-1.evil.example",
    "evil.example?",
    "user@evil.example",
    "us-east-1\n",
    "us-east-1/../..",
    "us-\u0435ast-1",  # a Cyrillic letter
    "us-east-\u0661",  # an Arabic digit
    "US-EAST-1",
    "cn-north-1",  # of another partition
    "us-gov-west-1",
    "aws-global",
    "",
]


@pytest.mark.parametrize("partition", PARTITIONS, ids=lambda partition: partition["id"])
def test_every_region_that_aws_names_has_the_console_of_its_partition_or_no_link(partition):
    for region in partition["regions"]:
        url = console_links.job(partition["id"], region, JOB)
        if partition["id"] not in CONSOLES or region.endswith("-global"):
            assert url == ""
        else:
            assert urlsplit(url).hostname == CONSOLES[partition["id"]].format(region=region)


@pytest.mark.parametrize("region", NO_REGION)
def test_what_is_not_a_region_makes_no_link(region):
    assert console_links.job("aws", region, JOB) == ""
    assert console_links.job_queue("aws", region, QUEUE) == ""
    assert console_links.log_stream("aws", region, "/aws/batch/job", "render/default/1") == ""
    assert console_links.log_streams("aws", region, "/aws/batch/job", "render/") == ""


@pytest.mark.parametrize("job_id", [JOB, f"{JOB}:9999", f"{JOB}#3"])
def test_a_job_a_child_and_a_node_have_a_page(job_id):
    assert console_links.job("aws", "us-east-1", job_id) != ""


@pytest.mark.parametrize(
    "job_id", ["", "x", f"{JOB}/", f"{JOB}:", f" {JOB}", f"{JOB}\n", "a" * 36, f"{JOB}?x=https://"]
)
def test_what_is_not_a_jobs_id_makes_no_link(job_id):
    assert console_links.job("aws", "us-east-1", job_id) == ""


@pytest.mark.parametrize(
    "arn",
    [
        QUEUE.replace("123456789012", "evil"),
        QUEUE.replace("us-east-1", "eu-west-1"),  # not where the job ran
        QUEUE.replace(":aws:", ":aws-cn:"),
        QUEUE.replace("nightly", "a/../b"),
        QUEUE.replace("nightly", "n" * 129),
        QUEUE.replace("job-queue", "job"),
        "nightly",
    ],
)
def test_what_is_not_the_arn_of_a_queue_makes_no_link(arn):
    assert console_links.job_queue("aws", "us-east-1", QUEUE) != ""
    assert console_links.job_queue("aws", "us-east-1", arn) == ""


@pytest.mark.parametrize(
    ("group", "stream"), [("a b", "x"), ("", "x"), ("g" * 513, "x"), ("g", "x*"), ("g", "x\n"), ("g", "")]
)
def test_what_is_not_a_log_group_or_stream_makes_no_link(group, stream):
    assert console_links.log_stream("aws", "us-east-1", group, stream) == ""
    assert console_links.log_streams("aws", "us-east-1", group, stream) == ""


@pytest.mark.parametrize("region", [region for region in NO_REGION if region])  # without one it is not an ARN
def test_an_events_arn_does_not_decide_where_a_message_links_to(event, region):
    hostile = {"jobArn": f"arn:aws:batch:{region}:123456789012:job/{JOB}"}
    single, blocked = (event(name, **hostile) for name in ("single-failed", "queue-blocked"))
    job = Job.from_event(single)
    messages = [compose(job, failure_of(job)), compose_blocked(BlockedQueue.from_event(blocked))]

    assert [message.links for message in messages] == [(), ()]
    assert [group.log for group in messages[0].failures] == [None]
