"""Links into the AWS console, on the domain of each partition. The pages' addresses were copied from the console.

Whoever can put an event on the bus chooses its ARNs and names, so each part of a link is checked against its shape.
Each function returns "" if a part does not match, or the partition's console is unknown: no link is better than a wrong
one.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from batchbell.partitions import console_domain

_JOB_ID = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:[:#][0-9]{1,5})?"
)  # with a child's or a node's index
# AWS Batch API reference, CreateJobQueue: jobQueueName.
_QUEUE = re.compile(r"arn:(?P<partition>[a-z-]+):batch:(?P<region>[a-z0-9-]+):[0-9]{12}:job-queue/[A-Za-z0-9_-]{1,128}")
# CloudWatch Logs API reference, CreateLogGroup and CreateLogStream.
_GROUP = re.compile(r"[A-Za-z0-9._/#-]{1,512}")
_STREAM = re.compile(r"[^*\x00-\x1f\x7f]{1,512}")  # is quoted, so that it cannot leave its place


def job(partition: str, region: str, job_id: str) -> str:
    """The page of a job; a parent's lists its children."""
    if not _JOB_ID.fullmatch(job_id):
        return ""
    return _page(partition, region, "batch", f"#jobs/detail/{quote(job_id, safe=':')}")


def job_queue(partition: str, region: str, arn: str) -> str:
    found = _QUEUE.fullmatch(arn)
    if found is None or (found["partition"], found["region"]) != (partition, region):
        return ""
    return _page(partition, region, "batch", f"#queues/detail/{quote(arn, safe=':/')}")


def log_stream(partition: str, region: str, group: str, stream: str) -> str:
    if not _GROUP.fullmatch(group) or not _STREAM.fullmatch(stream):
        return ""
    return _page(partition, region, "cloudwatch", f"{_log_group(group)}/log-events/{_fragment(stream)}")


def log_streams(partition: str, region: str, group: str, prefix: str) -> str:
    """The list of a log group's streams whose names begin with `prefix`."""
    if not _GROUP.fullmatch(group) or not _STREAM.fullmatch(prefix):
        return ""
    return _page(partition, region, "cloudwatch", f"{_log_group(group)}$3FlogStreamNameFilter$3D{_fragment(prefix)}")


def _page(partition: str, region: str, name: str, fragment: str) -> str:
    domain = console_domain(partition, region)
    return f"https://{domain}/{name}/home?region={region}{fragment}" if domain else ""


def _log_group(group: str) -> str:
    return f"#logsV2:log-groups/log-group/{_fragment(group)}"


def _fragment(name: str) -> str:
    # CloudWatch's console quotes names twice, with $ for the outer %: / is $252F (measured).
    return quote(quote(name, safe=""), safe="").replace("%", "$")
