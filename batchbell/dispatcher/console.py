"""Links into the AWS console, on the right domain for each partition."""

from __future__ import annotations

from urllib.parse import quote

# AWS General Reference, "AWS GovCloud (US) endpoints" and "Endpoints and ARNs for AWS in China".
_DOMAINS = {"aws-us-gov": "console.amazonaws-us-gov.com", "aws-cn": "console.amazonaws.cn"}


def job(partition: str, region: str, job_id: str) -> str:
    """The page of a job; the one of an array's parent lists its children."""
    return f"{_home(partition, region, 'batch')}#jobs/detail/{quote(job_id, safe=':')}"


def log_stream(partition: str, region: str, group: str, stream: str) -> str:
    page = f"#logsV2:log-groups/log-group/{_fragment(group)}/log-events/{_fragment(stream)}"
    return f"{_home(partition, region, 'cloudwatch')}{page}"


def _home(partition: str, region: str, name: str) -> str:
    domain = _DOMAINS.get(partition)
    host = domain if domain else f"{region}.console.aws.amazon.com"
    return f"https://{host}/{name}/home?region={region}"


def _fragment(name: str) -> str:
    # CloudWatch's console wants names quoted twice, with $ for the outer %: / is $252F (measured).
    return quote(quote(name, safe=""), safe="").replace("%", "$")
