"""Which job an event is about. Events of 2017 to 2020 have no `jobArn`; `resources` and the envelope say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batchbell.dispatcher.records.json_object import InvalidEvent, JsonObject

# By the beginning of a Region's name (the SDK's partitions.json); all others are of the partition aws.
_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}


@dataclass(frozen=True)
class Identity:
    """`arn`: the job's, with a child's index. `region`: empty if nothing names it. `queue`: its ARN; may be empty."""

    arn: str
    id: str
    partition: str
    region: str
    queue: str


@dataclass(frozen=True)
class _Place:
    partition: str
    region: str
    account: str


def identify(envelope: JsonObject, detail: JsonObject) -> Identity:
    """Raises InvalidEvent if nothing names the job."""
    resources, own = envelope.texts("resources"), detail.text("jobArn")
    arns = [own, *resources]
    job_id = detail.text("jobId") or next(filter(None, (one.partition(":job/")[2] for one in arns)), "")
    if not job_id:
        raise InvalidEvent("nothing in the event says which job it is: it has no jobId, no jobArn and no resources")
    place = _place([*arns, detail.text("jobQueue"), detail.text("jobDefinition")]) or _of_envelope(envelope)
    arn = own if _place([own]) else f"arn:{place.partition}:batch:{place.region}:{place.account}:job/{job_id}"
    queue = detail.text("jobQueue") or next((one for one in resources if ":job-queue/" in one), "")
    return Identity(arn, job_id, place.partition, place.region, queue)


def _place(arns: Sequence[str]) -> _Place | None:
    """The place that the first of these texts names that is an ARN."""
    for arn in arns:
        parts = arn.split(":")
        if len(parts) >= 6 and parts[0] == "arn" and parts[1] and parts[3]:
            return _Place(parts[1], parts[3], parts[4])
    return None


def _of_envelope(envelope: JsonObject) -> _Place:
    region = envelope.text("region")
    partition = next((name for start, name in _PARTITIONS.items() if region.startswith(start)), "aws")
    return _Place(partition, region, envelope.text("account"))
