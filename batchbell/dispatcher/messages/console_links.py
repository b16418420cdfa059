"""Links into the AWS console, on the domain of each partition. The pages' addresses were copied from the console.

Each function returns "" if the partition's console is unknown: no link is better than a wrong one.
"""

from __future__ import annotations

from urllib.parse import quote

# AWS General Reference, "AWS GovCloud (US) endpoints" and "Endpoints and ARNs for AWS in China"; AWS European
# Sovereign Cloud, "Endpoints".
_DOMAINS = {
    "aws": "{region}.console.aws.amazon.com",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-eusc": "{region}.console.amazonaws-eusc.eu",
}


def job(partition: str, region: str, job_id: str) -> str:
    """The page of a job; a parent's lists its children."""
    return _page(partition, region, "batch", f"#jobs/detail/{quote(job_id, safe=':')}")


def job_queue(partition: str, region: str, arn: str) -> str:
    return _page(partition, region, "batch", f"#queues/detail/{quote(arn, safe=':/')}")


def log_stream(partition: str, region: str, group: str, stream: str) -> str:
    return _page(partition, region, "cloudwatch", f"{_log_group(group)}/log-events/{_fragment(stream)}")


def log_streams(partition: str, region: str, group: str, prefix: str) -> str:
    """The list of a log group's streams whose names begin with `prefix`."""
    return _page(partition, region, "cloudwatch", f"{_log_group(group)}$3FlogStreamNameFilter$3D{_fragment(prefix)}")


def _page(partition: str, region: str, name: str, fragment: str) -> str:
    domain = _DOMAINS.get(partition)
    return f"https://{domain.format(region=region)}/{name}/home?region={region}{fragment}" if domain else ""


def _log_group(group: str) -> str:
    return f"#logsV2:log-groups/log-group/{_fragment(group)}"


def _fragment(name: str) -> str:
    # CloudWatch's console quotes names twice, with $ for the outer %: / is $252F (measured).
    return quote(quote(name, safe=""), safe="").replace("%", "$")
