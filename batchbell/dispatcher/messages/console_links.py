"""Links into the AWS console, on the domain of each partition. The pages' addresses were copied from the console.

Whoever can put an event on the bus chooses its ARNs and names, so each part of a link is checked against its shape.
Each function returns "" if a part does not match, or the partition's console is unknown: no link is better than a wrong
one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True)
class _Console:
    """`domain`: may hold {region}."""

    domain: str
    region: re.Pattern[str]


# Domains: AWS General Reference, "AWS GovCloud (US) endpoints" and "Endpoints and ARNs for AWS in China"; AWS European
# Sovereign Cloud, "Endpoints". Regions: the SDK's partitions.json.
_CONSOLES = {
    "aws": _Console(
        "{region}.console.aws.amazon.com", re.compile(r"(?:us|eu|ap|sa|ca|me|af|il|mx)-[a-z]{1,20}-[0-9]{1,2}")
    ),
    "aws-us-gov": _Console("console.amazonaws-us-gov.com", re.compile(r"us-gov-[a-z]{1,20}-[0-9]{1,2}")),
    "aws-cn": _Console("console.amazonaws.cn", re.compile(r"cn-[a-z]{1,20}-[0-9]{1,2}")),
    "aws-eusc": _Console("{region}.console.amazonaws-eusc.eu", re.compile(r"eusc-[a-z]{2}-[a-z]{1,20}-[0-9]{1,2}")),
}
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
    console = _CONSOLES.get(partition)
    if console is None or not console.region.fullmatch(region):
        return ""
    return f"https://{console.domain.format(region=region)}/{name}/home?region={region}{fragment}"


def _log_group(group: str) -> str:
    return f"#logsV2:log-groups/log-group/{_fragment(group)}"


def _fragment(name: str) -> str:
    # CloudWatch's console quotes names twice, with $ for the outer %: / is $252F (measured).
    return quote(quote(name, safe=""), safe="").replace("%", "$")
