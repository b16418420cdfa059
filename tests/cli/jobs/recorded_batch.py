"""AWS Batch as a client of boto3 that answers from memory: shapes as AWS's, checked by botocore's service model."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

ARN = "arn:aws:batch:us-east-1:123456789012"
QUEUE, DEFINITION = f"{ARN}:job-queue/render", f"{ARN}:job-definition/render:3"
CONTAINER: Mapping[str, Any] = {
    "image": "render",
    "command": ["render", "--frame"],
    "environment": [{"name": "SCENE", "value": "7"}],
    "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}],
}


@functools.cache
def model() -> Any:
    return botocore.session.get_session().get_service_model("batch")


def error(code: str, message: str = "", *, status: int = 400, operation: str = "SubmitJob") -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)


class RecordedBatch:
    """One queue. `fail`: is called with each submission's request, and raises what AWS answers instead."""

    def __init__(self) -> None:
        self.meta = SimpleNamespace(region_name="us-east-1")
        self.details: dict[str, dict[str, Any]] = {}
        self.failed: dict[str, list[int]] = {}
        self.reasons: dict[int, str] = {}
        self.submitted: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.fail: Callable[[Mapping[str, Any]], None] = lambda request: None
        self.definition_status = "ACTIVE"
        self._clock = 1_760_000_000_000

    def array(self, size: int, failed: Iterable[int], *, status: str = "FAILED", **detail: Any) -> str:
        """Add an array job; return its id."""
        id_ = str(uuid.uuid4())
        self.failed[id_] = list(failed)
        summary = {"FAILED": len(self.failed[id_]), "SUCCEEDED": size - len(self.failed[id_])}
        self.add(id_, arrayProperties={"size": size, "statusSummary": summary}, status=status, **detail)
        return id_

    def add(self, id_: str = "", **detail: Any) -> str:
        """Add any job; return its id."""
        id_ = id_ or str(uuid.uuid4())
        self._clock += 1000
        self.details[id_] = {
            "jobId": id_,
            "jobArn": f"{ARN}:job/{id_}",
            "jobName": "nightly-render",
            "jobQueue": QUEUE,
            "jobDefinition": DEFINITION,
            "status": "FAILED",
            "createdAt": self._clock,
            "container": dict(CONTAINER),
            "tags": {},
            **detail,
        }
        return id_

    def list_jobs(self, **request: Any) -> dict[str, Any]:
        self._check("ListJobs", request)
        first = int(request.get("nextToken", 0))
        if parent := request.get("arrayJobId"):
            indexes = self.failed.get(parent, []) if request["jobStatus"] == "FAILED" else []
            page = request["maxResults"]
            entries = [self._child(parent, index) for index in indexes[first : first + page]]
        else:
            jobs = sorted(self.details.values(), key=lambda job: -job["createdAt"])
            ((name, (value,)),) = [(one["name"], one["values"]) for one in request["filters"]]
            fits = {
                "JOB_NAME": lambda job: job["jobName"].lower() == value.lower(),
                "AFTER_CREATED_AT": lambda job: job["createdAt"] > int(value),
            }[name]
            jobs, page = [job for job in jobs if fits(job)], 100
            entries = [
                {key: job[key] for key in ("jobId", "jobName", "createdAt")} for job in jobs[first : first + page]
            ]
        return {"jobSummaryList": entries, **({"nextToken": str(first + page)} if len(entries) == page else {})}

    def _child(self, parent: str, index: int) -> dict[str, Any]:
        return {
            "jobId": f"{parent}:{index}",
            "jobName": self.details[parent]["jobName"],
            "status": "FAILED",
            "statusReason": self.reasons.get(index, "Essential container in task exited"),
            "container": {"exitCode": 1},
            "arrayProperties": {"index": index},
        }

    def describe_jobs(self, **request: Any) -> dict[str, Any]:
        self._check("DescribeJobs", request)
        assert len(request["jobs"]) <= 100
        return {"jobs": [self.details[id_] for id_ in request["jobs"] if id_ in self.details]}

    def describe_job_definitions(self, **request: Any) -> dict[str, Any]:
        self._check("DescribeJobDefinitions", request)
        return {"jobDefinitions": [{"jobDefinitionArn": DEFINITION, "status": self.definition_status}]}

    def submit_job(self, **request: Any) -> dict[str, Any]:
        self._check("SubmitJob", request)
        self.fail(request)
        return self.accept(request)

    def accept(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Let AWS have the submission, whatever the client hears of it."""
        self.submitted.append(dict(request))
        size = request.get("arrayProperties", {}).get("size")
        overrides = dict(request.get("containerOverrides", {}))
        self._clock = 32_503_680_000_000  # later than now
        id_ = self.add(
            jobName=request["jobName"],
            tags=request["tags"],
            status="RUNNING",
            container={**CONTAINER, **overrides},
            arrayProperties={"size": size} if size else {},
        )
        return {"jobId": id_, "jobArn": f"{ARN}:job/{id_}", "jobName": request["jobName"]}

    def _check(self, operation: str, request: Mapping[str, Any]) -> None:
        self.calls.append(operation)
        report = ParamValidator().validate(dict(request), model().operation_model(operation).input_shape)
        assert not report.has_errors(), report.generate_report()


def indexes_of(request: Mapping[str, Any]) -> Sequence[str]:
    """Return the ranges of a submission."""
    variables = {one["name"]: one["value"] for one in request["containerOverrides"]["environment"]}
    return str(variables["BATCHBELL_INDEXES"]).split(",")
