"""Short calls of the local Batch: environments, queues, definitions, jobs, and the events that arrive."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batchbell_local.cloud import LocalCloud
from tests.waiting import Limit

DEADLINE = 20.0  # seconds of an idle machine; normally waits take far less
EC2 = {"instanceRole": "arn:aws:iam::123456789012:instance-profile/batch", "instanceTypes": ["optimal"], "minvCpus": 0}
FARGATE = {"securityGroupIds": ["sg-12345678"]}
ROLE = "arn:aws:iam::123456789012:role/execution"

FINAL = ("SUCCEEDED", "FAILED")

Event = dict[str, Any]

CONTAINER: dict[str, Any] = {  # what every container needs
    "image": "busybox",
    "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}],
}


class Batch:
    """Short calls of Batch, on plain boto3 clients. Every name is unique, so that tests can share a cloud."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.client = cloud.client("batch")
        self.logs = cloud.client("logs")
        self._events = cloud.client("events")
        self._sqs = cloud.client("sqs")

    def name(self, word: str) -> str:
        return f"{word}-{uuid.uuid4().hex[:8]}"

    def environment(self, kind: str = "EC2", **changes: Any) -> str:
        """Create a compute environment; return its ARN."""
        extra = FARGATE if kind.startswith("FARGATE") else EC2
        resources = {"type": kind, "maxvCpus": 4, "subnets": ["subnet-12345678"], **extra, **changes}
        made = self.client.create_compute_environment(
            computeEnvironmentName=self.name("environment"), type="MANAGED", computeResources=resources
        )
        return str(made["computeEnvironmentArn"])

    def queue(self, *environments: str, kind: str = "EC2") -> str:
        """Create a job queue; return its ARN."""
        order = [
            {"order": n, "computeEnvironment": arn} for n, arn in enumerate(environments or [self.environment(kind)])
        ]
        made = self.client.create_job_queue(jobQueueName=self.name("queue"), priority=1, computeEnvironmentOrder=order)
        return str(made["jobQueueArn"])

    def held_queue(self) -> str:
        """Create a queue of which no job is started; return its ARN."""
        queue = self.queue()
        self.cloud.jobs.hold(queue)
        return queue

    def definition(self, *command: str, container: dict[str, Any] | None = None, **more: Any) -> str:
        """Register a job definition for both platforms; return its ARN."""
        properties = {"command": list(command), "executionRoleArn": ROLE, **CONTAINER, **(container or {})}
        made = self.client.register_job_definition(
            **{
                "jobDefinitionName": self.name("definition"),
                "type": "container",
                "platformCapabilities": ["EC2", "FARGATE"],
                "containerProperties": properties,
                **more,
            }
        )
        return str(made["jobDefinitionArn"])

    def submit(self, queue: str, definition: str, *, size: int | None = None, **more: Any) -> str:
        """Submit a job; return its id."""
        array = {"arrayProperties": {"size": size}} if size else {}
        request = {"jobName": "job", "jobQueue": queue, "jobDefinition": definition, **array, **more}
        return str(self.client.submit_job(**request)["jobId"])

    def run(self, queue: str, *command: str, size: int | None = None, **more: Any) -> str:
        """Submit a job with a definition of its own; return its id."""
        return self.submit(queue, self.definition(*command), size=size, **more)

    def describe(self, job_id: str) -> dict[str, Any]:
        (job,) = self.client.describe_jobs(jobs=[job_id])["jobs"]
        return dict(job)

    def running_arrays(self, queue: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.list_jobs(jobQueue=queue, jobStatus="PENDING")["jobSummaryList"]
        return found

    def counts(self, job: dict[str, Any]) -> dict[str, int]:
        """How many children of an array are in each state, of a summary or a description."""
        return {status: number for status, number in job["arrayProperties"]["statusSummary"].items() if number}

    def wait(self, job_id: str, *statuses: str) -> dict[str, Any]:
        """Wait until the job is in one of these states, by default the final ones; return it."""
        wanted = statuses or FINAL
        self.wait_until(lambda: self.describe(job_id)["status"] in wanted, f"{job_id} is not {wanted}")
        return self.describe(job_id)

    def wait_until(self, holds: Callable[[], bool], complaint: str) -> None:
        limit = Limit(DEADLINE)
        while not holds():
            assert not limit.passed, complaint
            time.sleep(0.01)

    def watch(self, queue: str) -> Watch:
        """Collect the events of this queue's jobs from now on."""
        url = self._sqs.create_queue(QueueName=self.name("events"))["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        detail_type = "Batch Job State Change"
        pattern = {"source": ["aws.batch"], "detail-type": [detail_type], "detail": {"jobQueue": [queue]}}
        name = self.name("rule")
        rule = self._events.put_rule(Name=name, EventPattern=json.dumps(pattern))["RuleArn"]
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        self._sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        self._events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
        return Watch(self, queue, str(url))

    def is_alive(self, process: int) -> bool:
        """Whether the process with this id runs; an ended one that was not collected (a zombie) does not."""
        try:
            return ") Z " not in Path(f"/proc/{process}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return False

    def output(self, job: dict[str, Any], group: str = "/aws/batch/job") -> list[str]:
        """The log lines of the job's last attempt."""
        stream = job["attempts"][-1]["container"]["logStreamName"]
        found = self.logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)
        return [event["message"] for event in found["events"]]

    def receive(self, url: str) -> list[Event]:
        found = self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
        if found:
            entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(found)]
            self._sqs.delete_message_batch(QueueUrl=url, Entries=entries)
        return [json.loads(message["Body"]) for message in found]


class Watch:
    """Collects the events of one queue's jobs."""

    def __init__(self, batch: Batch, queue: str, url: str) -> None:
        self._batch = batch
        self._queue = queue
        self._url = url

    def events(self, *statuses: str) -> list[Event]:
        """Wait for the jobs to end; return their events (only of these states, if given) in the order of arrival.

        Events are delivered in order, so the event of one last job shows that no other is still in flight.
        """
        self._batch.wait_until(self._all_ended, "jobs have not ended")
        last = self._batch.run(self._queue)
        arrived: list[Event] = []
        limit = Limit(DEADLINE)
        while not any(event["detail"]["jobId"] == last and _is_final(event) for event in arrived):
            assert not limit.passed, "the events stopped coming"
            arrived += self._batch.receive(self._url)
        wanted = [event for event in arrived if event["detail"]["jobId"] != last]
        return [event for event in wanted if not statuses or event["detail"]["status"] in statuses]

    def _all_ended(self) -> bool:
        every = [{"name": "JOB_NAME", "values": ["*"]}]
        jobs = self._batch.client.list_jobs(jobQueue=self._queue, filters=every)["jobSummaryList"]
        return all(job["status"] in FINAL for job in jobs)


def _is_final(event: Event) -> bool:
    return event["detail"]["status"] in FINAL


@pytest.fixture
def batch(cloud: LocalCloud) -> Batch:
    return Batch(cloud)


@pytest.fixture
def batch_of() -> type[Batch]:
    """For tests that need a cloud of their own: called with that cloud."""
    return Batch
