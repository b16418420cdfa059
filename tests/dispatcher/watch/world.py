"""A dispatcher between models of AWS Batch, of the ledger's table, of SQS, and channels that take everything.

Batch's requests and answers are checked by botocore's service model, which AWS writes.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from batchbell.contract import Message
from batchbell.dispatcher.delivery.outbox import Outbox
from batchbell.dispatcher.invocation import Dispatcher
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.timing import Timing
from batchbell.dispatcher.watch.watching import Watching
from batchbell.wire import Watch
from tests.simulation.ledger_table import LedgerTable, error

PLACE = "arn:aws:batch:us-east-1:123456789012"
QUEUE = f"{PLACE}:job-queue/nightly"
RENDER = f"{PLACE}:job-definition/render:12"
CHILDREN = 100


@dataclass
class Array:
    """An array job; times are epoch seconds. `counted`: when AWS counted the children; None: now."""

    counts: dict[str, int]
    name: str = "nightly-render"
    queue: str = QUEUE
    definition: str = RENDER
    status: str = "PENDING"
    size: int = CHILDREN
    created: float = 0.0
    started: float | None = None
    stopped: float | None = None
    counted: float | None = None
    tags: dict[str, str] = field(default_factory=dict)
    first_child: float | None = None  # when it started
    is_summed_up: bool = True  # ListJobs has the summary
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def arn(self) -> str:
        return f"{PLACE}:job/{self.id}"

    def summary(self) -> dict[str, Any]:
        times = {"createdAt": self.created, "startedAt": self.started, "stoppedAt": self.stopped}
        properties: dict[str, Any] = {"size": self.size}
        if self.is_summed_up:
            counted = time.time() if self.counted is None else self.counted
            properties |= {"statusSummary": self.counts, "statusSummaryLastUpdatedAt": int(counted * 1000)}
        return {
            **{"jobArn": self.arn, "jobId": self.id, "jobName": self.name, "status": self.status},
            **{name: int(moment * 1000) for name, moment in times.items() if moment is not None},
            "jobDefinition": self.definition,
            "arrayProperties": properties,
        }

    def detail(self) -> dict[str, Any]:
        summary = replace(self, is_summed_up=True).summary()
        tags = {"tags": self.tags} if self.tags else {}
        return {"startedAt": 0, **summary, "jobQueue": self.queue, **tags}

    def finish(self, status: str, stopped: float) -> None:
        failed = self.size // 2 if status == "FAILED" else 0
        self.status, self.stopped = status, stopped
        self.counts = {"SUCCEEDED": self.size - failed, "FAILED": failed}

    def event(self) -> dict[str, Any]:
        return {
            "source": "aws.batch",
            "detail-type": "Batch Job State Change",
            "time": "2026-11-29T03:00:00Z",
            "detail": self.detail(),
        }


@cache
def _operation(name: str) -> Any:
    return botocore.session.get_session().get_service_model("batch").operation_model(name)


def _check(shape: Any, value: Any, what: str) -> None:
    errors = ParamValidator().validate(value, shape)
    assert not errors.has_errors(), f"{what}: {errors.generate_report()}"
    assert value.keys() <= shape.members.keys(), f"{what}: {value.keys() - shape.members.keys()}"


class FakeBatch:
    """`refuses`: error codes by job queue, or by the operation's name. `calls`: how many of each operation."""

    def __init__(self) -> None:
        self.arrays: list[Array] = []
        self.single_jobs: list[dict[str, Any]] = []
        self.children: dict[str, list[dict[str, Any]]] = {}
        self.refuses: dict[str, str] = {}
        self.calls: Counter[str] = Counter()
        self.page = 1_000
        self.queue_reason = ""

    def list_jobs(self, **request: Any) -> dict[str, Any]:
        self._call("ListJobs", request)
        if "arrayJobId" in request:
            self._maybe_refuse("children", "ListJobs")
            children = self.children.get(request["arrayJobId"], [])
            return self._answer(
                "ListJobs", {"jobSummaryList": [one for one in children if one["status"] == request["jobStatus"]]}
            )
        self._maybe_refuse(request["jobQueue"], "ListJobs")
        found = [
            array.summary()
            for array in self.arrays
            if (array.queue, array.status) == (request["jobQueue"], request["jobStatus"])
        ]
        found += [job for job in self.single_jobs if job["status"] == request["jobStatus"]]
        first, size = int(request.get("nextToken", 0)), min(self.page, request["maxResults"])
        more = {"nextToken": str(first + size)} if len(found) > first + size else {}
        return self._answer("ListJobs", {"jobSummaryList": found[first : first + size], **more})

    def describe_jobs(self, **request: Any) -> dict[str, Any]:
        self._call("DescribeJobs", request)
        assert len(request["jobs"]) <= 100, "DescribeJobs takes 100 ids"
        found = [array.detail() for array in self.arrays if array.id in request["jobs"]]
        found += [
            {**array.detail(), "jobId": f"{array.id}:0", "startedAt": int(array.first_child * 1000)}
            for array in self.arrays
            if f"{array.id}:0" in request["jobs"] and array.first_child is not None
        ]
        return self._answer("DescribeJobs", {"jobs": found})

    def describe_job_queues(self, **request: Any) -> dict[str, Any]:
        self._call("DescribeJobQueues", request)
        arns = request.get("jobQueues") or sorted({array.queue for array in self.arrays})
        queues = [
            {
                **{"jobQueueName": arn.rpartition("/")[2], "jobQueueArn": arn, "state": "ENABLED"},
                **{"status": "VALID", "priority": 1, "statusReason": self.queue_reason},
                "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": f"{PLACE}:compute-environment/spot"}],
            }
            for arn in arns
        ]
        return self._answer("DescribeJobQueues", {"jobQueues": queues})

    def describe_compute_environments(self, **request: Any) -> dict[str, Any]:
        self._call("DescribeComputeEnvironments", request)
        found = [
            {
                **{"computeEnvironmentName": arn.rpartition("/")[2], "computeEnvironmentArn": arn},
                **{"state": "ENABLED", "status": "INVALID", "statusReason": "CLIENT_ERROR - the role is gone"},
            }
            for arn in request["computeEnvironments"]
        ]
        return self._answer("DescribeComputeEnvironments", {"computeEnvironments": found})

    def _call(self, name: str, request: Mapping[str, Any]) -> None:
        self.calls[name] += 1
        _check(_operation(name).input_shape, request, name)
        self._maybe_refuse(name, name)

    def _maybe_refuse(self, what: str, operation: str) -> None:
        if code := self.refuses.get(what):
            raise ClientError(
                {"Error": {"Code": code, "Message": "secret text"}, "ResponseMetadata": {"HTTPStatusCode": 400}},
                operation,
            )

    def _answer(self, name: str, answer: dict[str, Any]) -> dict[str, Any]:
        copied: dict[str, Any] = json.loads(json.dumps(answer))
        _check(_operation(name).output_shape, copied, name)
        return copied


class Table(LedgerTable):
    """Threads may use it.

    keeps_back: keys of the next BatchGetItem that it leaves for the one after.
    is_down: it answers no BatchGetItem; `hides`: none that asks for such a key.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.RLock()
        self.calls: Counter[str] = Counter()
        self.keeps_back = 0
        self.is_down = False
        self.hides: str | None = None

    def update_item(self, **request: Any) -> dict[str, Any]:
        with self.lock:
            self.calls["UpdateItem"] += 1
            return super().update_item(**request)

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        with self.lock:
            return super().transact_write_items(token=uuid.uuid4().hex, **request)

    def query(self, **request: Any) -> dict[str, Any]:
        with self.lock:
            return super().query(**request)

    def get_item(self, **request: Any) -> dict[str, Any]:
        with self.lock:
            row = self.rows.get((request["Key"]["message"]["S"], request["Key"]["notifier"]["S"]))
            return {"Item": dict(row)} if row else {}

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        with self.lock:
            self.calls["BatchGetItem"] += 1
            if self.is_down or (self.hides and self.hides in str(request)):
                raise error("InternalServerError", "BatchGetItem")
            ((name, asked),) = request["RequestItems"].items()
            keys = [(key["message"]["S"], key["notifier"]["S"]) for key in asked["Keys"]]
            assert len(keys) == len(set(keys)) <= 100, "BatchGetItem takes 100 different keys"
            given, left = keys[self.keeps_back :], asked["Keys"][: self.keeps_back]
            self.keeps_back = 0
            rows = [dict(self.rows[key]) for key in given if key in self.rows]
            return {"Responses": {name: rows}, "UnprocessedKeys": {name: {"Keys": left}} if left else {}}


class Channel:
    """Keeps what it gets; while `error` is set, it raises that instead."""

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.error: Exception | None = None

    def send(self, message: Message) -> None:
        if self.error is not None:
            raise self.error
        self.got.append(message)

    def titles(self) -> list[str]:
        return [message.title for message in self.got]

    def statuses(self) -> Counter[str]:
        return Counter(message.status for message in self.got)


class Queues:
    """SQS's client: keeps the bodies by queue."""

    def __init__(self) -> None:
        self.bodies: dict[str, list[dict[str, Any]]] = {"retry": [], "dead": []}

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        self.bodies[QueueUrl] += [json.loads(entry["MessageBody"]) for entry in Entries]
        return {"Successful": []}

    def take(self, name: str) -> list[dict[str, Any]]:
        taken, self.bodies[name] = self.bodies[name], []
        return taken


class World:
    """A stack that watches. `watch`: what the manifest says, beside the queues and statuses."""

    def __init__(self, *instances: Instance, **watch: Any) -> None:
        self.batch, self.table, self.queues, self.ops = FakeBatch(), Table(), Queues(), Channel()
        self.instances = instances or (Instance("ops", self.ops),)
        self.watch: Watch = {"queues": [QUEUE], "definitions": [], "statuses": ["SUCCEEDED", "FAILED"], **watch}  # type: ignore[typeddict-item]

    def dispatcher(self) -> Dispatcher:
        """A new process of the function."""
        return Dispatcher(
            instances=self.instances,
            outbox=Outbox(self.queues, "retry", "dead"),
            table="ledger",
            dynamodb=self.table,
            batch=self.batch,
            timing=Timing(),
            watching=Watching.from_manifest(self.watch),
        )

    def run(self, *bodies: Any, received: int = 1) -> None:
        """One invocation with these records."""
        records = [
            {
                "messageId": str(number),
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {"ApproximateReceiveCount": str(received)},
            }
            for number, body in enumerate(bodies)
        ]
        assert self.dispatcher().run(records, Timing().timeout) == {"batchItemFailures": []}

    def sweep(self, received: int = 1) -> None:
        self.run({"sweep": 1}, received=received)

    def row(self, key: str, notifier: str) -> Mapping[str, Any]:
        return self.table.rows.get((key, notifier), {})


def failed_children(array: Array, number: int, reason: str = "Essential container in task exited") -> Iterator[Any]:
    """JobSummaries of children that failed with exit code 1."""
    for index in range(number):
        yield {
            **{"jobId": f"{array.id}:{index}", "jobName": array.name, "status": "FAILED", "statusReason": reason},
            **{"container": {"exitCode": 1}, "arrayProperties": {"index": index}},
        }
