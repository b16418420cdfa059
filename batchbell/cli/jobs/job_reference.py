"""The job that the operator names: an id or an ARN."""

from __future__ import annotations

import re
from dataclasses import dataclass

from batchbell.cli.errors import CommandFailed
from batchbell.texts import one_line

_ID = r"(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?P<part>[:#][0-9]{1,5})?"
_JOB = re.compile(rf"(?:arn:[a-z-]+:batch:(?P<region>[a-z0-9-]+):[0-9]{{12}}:job/)?{_ID}")


@dataclass(frozen=True)
class JobReference:
    """`region`: of the ARN, or empty."""

    id: str
    region: str = ""


def parse_job(text: str, region: str = "") -> JobReference:
    """Parse an id or ARN. `region`: that of --region, or empty. Raises CommandFailed."""
    found = _JOB.fullmatch(text.strip())
    if found is None:
        raise CommandFailed(f"{one_line(text, 200)!r} is neither the id nor the ARN of a job of AWS Batch")
    id_, part, of_arn = found["id"], found["part"] or "", found["region"] or ""
    if part.startswith(":"):
        raise CommandFailed(f"{id_}{part} is one child: name its array, `rerun {id_} --only {part[1:]}`")
    if part:
        raise CommandFailed(f"{id_}{part} is a node of a multi-node job: only array jobs can be run again in part")
    if region and of_arn and region != of_arn:
        raise CommandFailed(f"the job is in {of_arn}, not in {region}: leave --region out")
    return JobReference(id_, of_arn or region)
