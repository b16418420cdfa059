"""A bench on the local cloud's Batch: queues, definitions, jobs, and the events that arrive."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batchbell_local.cloud import LocalCloud

DEADLINE = 20.0  # seconds; what is waited for takes far less
EC2 = {"instanceRole": "arn:aws:iam::123456789012:instance-profile/batch", "instanceTypes": ["optimal"], "minvCpus": 0}
FARGATE = {"securityGroupIds": ["sg-12345678"]}
ROLE = "arn:aws:iam::123456789012:role/execution"

FINAL = ("SUCCEEDED", "FAILED")

Event = dict[str, Any]


class Bench:
    """Short ways to say what the tests need, on plain boto3 clients. Every name is new, so that tests share a cloud."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.batch = cloud.client("batch")
        self.logs = cloud.client("logs")
        self._events = cloud.client("events")
        self._sqs = cloud.client("sqs")

    def name(self, word: str) -> str:
        return f"{word}-{uuid.uuid4().hex[:8]}"

    def environment(self, kind: str = "EC2", **changes: Any) -> str:
        """A compute environment; returns its ARN."""
        extra = FARGATE if kind.startswith("FARGATE") else EC2
        resources = {"type": kind, "maxvCpus": 4, "subnets": ["subnet-12345678"], **extra, **changes}
        made = self.batch.create_compute_environment(
            computeEnvironmentName=self.name("environment"), type="MANAGED", computeResources=resources
        )
        return str(made["computeEnvironmentArn"])

    def queue(self, *environments: str, kind: str = "EC2") -> str:
        """A job queue; returns its ARN."""
        order = [
            {"order": n, "computeEnvironment": arn} for n, arn in enumerate(environments or [self.environment(kind)])
        ]
        made = self.batch.create_job_queue(jobQueueName=self.name("queue"), priority=1, computeEnvironmentOrder=order)
        return str(made["jobQueueArn"])

    def definition(self, *command: str, container: dict[str, Any] | None = None, **more: Any) -> str:
        """A job definition for both platforms; returns its ARN."""
        properties = {"image": "busybox", "command": list(command), "executionRoleArn": ROLE, **(container or {})}
        made = self.batch.register_job_definition(
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
        """A job; returns its id."""
        array = {"arrayProperties": {"size": size}} if size else {}
        request = {"jobName": "job", "jobQueue": queue, "jobDefinition": definition, **array, **more}
        return str(self.batch.submit_job(**request)["jobId"])

    def run(self, queue: str, *command: str, size: int | None = None, **more: Any) -> str:
        """A job of a definition of its own; returns its id."""
        return self.submit(queue, self.definition(*command), size=size, **more)

    def describe(self, job_id: str) -> dict[str, Any]:
        (job,) = self.batch.describe_jobs(jobs=[job_id])["jobs"]
        return dict(job)

    def wait(self, job_id: str, *statuses: str) -> dict[str, Any]:
        """The job once it is in one of these states, by default the final ones."""
        wanted = statuses or FINAL
        self.wait_until(lambda: self.describe(job_id)["status"] in wanted, f"{job_id} is not {wanted}")
        return self.describe(job_id)

    def wait_until(self, holds: Callable[[], bool], complaint: str) -> None:
        deadline = time.monotonic() + DEADLINE
        while not holds():
            assert time.monotonic() < deadline, complaint
            time.sleep(0.01)

    def watch(self, queue: str) -> Watch:
        """From now on keep the events of this queue's jobs."""
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
        """Whether a process of this number runs: one that has ended but was not collected (a zombie) does not."""
        try:
            return ") Z " not in Path(f"/proc/{process}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return False

    def output(self, job: dict[str, Any], group: str = "/aws/batch/job") -> list[str]:
        """The lines in CloudWatch Logs of the job's last attempt."""
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
    """The events of one queue's jobs, as they arrive."""

    def __init__(self, bench: Bench, queue: str, url: str) -> None:
        self._bench = bench
        self._queue = queue
        self._url = url

    def events(self, *statuses: str) -> list[Event]:
        """All events of the jobs so far, once these have ended, in the order of arrival; of these states, if named.

        Events are delivered in order: a last job's shows that none is still on its way.
        """
        self._bench.wait_until(self._all_ended, "jobs have not ended")
        last = self._bench.run(self._queue)
        arrived: list[Event] = []
        deadline = time.monotonic() + DEADLINE
        while not any(event["detail"]["jobId"] == last and _is_final(event) for event in arrived):
            assert time.monotonic() < deadline, "the events stopped coming"
            arrived += self._bench.receive(self._url)
        wanted = [event for event in arrived if event["detail"]["jobId"] != last]
        return [event for event in wanted if not statuses or event["detail"]["status"] in statuses]

    def _all_ended(self) -> bool:
        every = [{"name": "JOB_NAME", "values": ["*"]}]
        jobs = self._bench.batch.list_jobs(jobQueue=self._queue, filters=every)["jobSummaryList"]
        return all(job["status"] in FINAL for job in jobs)


def _is_final(event: Event) -> bool:
    return event["detail"]["status"] in FINAL


@pytest.fixture
def bench(cloud: LocalCloud) -> Bench:
    return Bench(cloud)


@pytest.fixture
def new_bench() -> type[Bench]:
    """For a test that needs a cloud of its own."""
    return Bench
