"""The print-color stack under faults, watched: what of one job is on each channel, in the ledger and in the log."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batchbell_local.collecting_queue import CollectingQueue
from batchbell_local.slack.sink import SlackResponse

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Stack

NOTIFIERS = ("slack", "email", "sns")
PLACE = "arn:aws:batch:us-east-1:123456789012"
PATIENCE = 60.0  # seconds until the function has nothing left to do

FIRST, REPEAT = "first", "may be a repeat"  # what a message says of itself
ONCE = {notifier: [FIRST] for notifier in NOTIFIERS}
NOBODY: Mapping[str, list[str]] = {notifier: [] for notifier in NOTIFIERS}
SENT = {notifier: {"sent"} for notifier in NOTIFIERS}  # the ledger's rows in the end

WAITS = "another invocation is sending it"  # until its claim has run out: how often one asks is a matter of the clock

# How the ledger's calls begin: a part of the request's body, for faults.
CLAIM, COMMIT, RELEASE, UNKNOWN = "SET #token", "SET #sent", "SET #tried", "SET #maybe"


@dataclass(frozen=True)
class Job:
    """A finished job that nobody else has, and its event."""

    name: str
    event: dict[str, Any]

    @property
    def key(self) -> str:
        return f"{self.event['detail']['jobArn']}#{self.event['detail']['status']}"

    def step(self, notifier: str, begins: str) -> str:
        """What only the ledger's calls for this job and notifier hold whose update begins so."""
        return f'{self.key}"}}, "notifier": {{"S": "{notifier}"}}}}, "UpdateExpression": "{begins}'


@dataclass(frozen=True)
class Watched:
    stack: Stack
    topic: CollectingQueue
    read_event: Callable[..., dict[str, Any]]

    def job(self, file: str = "parent-succeeded", **detail: Any) -> Job:
        """A new one; `file` is one of tests/events, and `detail` replaces fields of its detail."""
        name, identity = f"job-{uuid.uuid4().hex[:8]}", str(uuid.uuid4())
        found = {"jobName": name, "jobId": identity, "jobArn": f"{PLACE}:job/{identity}"}
        return Job(name, self.read_event(file, **found | detail))

    def texts(self, name: str) -> Mapping[str, list[str]]:
        """All that each channel has got of the job so far, by notifier, in the order of arrival."""
        found = {
            "slack": ["\n".join(strings(payload)) for payload in self.stack.sink.accepted],
            "email": [mail["BodyText"] for mail in self.stack.cloud.mailbox()],
            "sns": ["\n".join(strings(json.loads(json.loads(body)["Message"]))) for body in self.topic.bodies()],
        }
        return {notifier: [text for text in texts if name in text] for notifier, texts in found.items()}

    def told(self, name: str) -> Mapping[str, list[str]]:
        """The same, as what each message says of itself."""
        return {
            notifier: [REPEAT if REPEAT in text else FIRST for text in texts]
            for notifier, texts in self.texts(name).items()
        }

    def rows(self, job: Job) -> Mapping[str, set[str]]:
        """What the ledger has of the job: by notifier, those of the fields sent, token and maybe that the row has."""
        table = self.stack.deployment.outputs["ledger_table_name"]
        answer = self.stack.cloud.client("dynamodb").query(
            TableName=table,
            KeyConditionExpression="message = :key",
            ExpressionAttributeValues={":key": {"S": job.key}},
        )
        return {row["notifier"]["S"]: set(row) & {"sent", "token", "maybe"} for row in answer["Items"]}

    def outcomes(self, name: str, notifier: str) -> list[str]:
        """What the function's log says of each of its tries: the reason, or the result where there is none. Those that
        only waited for another invocation are left out."""
        lines = [json.loads(line) for line in self.stack.log().splitlines() if line.startswith("{") and name in line]
        return [
            line["reason"] or line["result"]
            for line in lines
            if line["message"] == "outcome"
            and (line["job"], line["notifier"]) == (name, notifier)
            and line["reason"] != WAITS
        ]

    def settle(self) -> None:
        """Wait until the function has nothing left to do."""
        # In this order: what leaves the first queue for the second is there before it is gone from the first.
        for output in ("intake_queue_url", "retry_queue_url"):
            self.stack.wait_until(
                lambda output=output: self.stack.in_queue(output) == 0, f"empty: {output}", timeout=PATIENCE
            )

    def invoke_with(self, records: int) -> None:
        """At most so many from now on. With one, jobs whose faults differ never meet in an invocation."""
        for mapping in self._mappings():
            self._lambda.update_event_source_mapping(UUID=mapping["UUID"], BatchSize=records)

    def take(self, output: str, enabled: bool) -> None:
        """Whether the function gets what is in that queue."""
        name = self.stack.deployment.outputs[output].rpartition("/")[2]
        (mapping,) = (one["UUID"] for one in self._mappings() if one["EventSourceArn"].endswith(f":{name}"))
        self._lambda.update_event_source_mapping(UUID=mapping, Enabled=enabled)

    def start_anew(self) -> None:
        """With new processes of the function, which know nothing: for when none of them is at work."""
        function = self.stack.deployment.outputs["function_name"]
        size = self._lambda.get_function_configuration(FunctionName=function)["MemorySize"]
        self._lambda.update_function_configuration(FunctionName=function, MemorySize=size)

    @property
    def _lambda(self) -> Any:
        return self.stack.cloud.client("lambda")

    def _mappings(self) -> list[dict[str, Any]]:
        function = self.stack.deployment.outputs["function_name"]
        found: list[dict[str, Any]] = self._lambda.list_event_source_mappings(FunctionName=function)[
            "EventSourceMappings"
        ]
        return found

    def hide_for(self, seconds: int) -> None:
        """The working queues' visibility timeout; not below the function's time-out, its start and a claim's rest."""
        for output in ("intake_queue_url", "retry_queue_url"):
            self.stack.cloud.client("sqs").set_queue_attributes(
                QueueUrl=self.stack.deployment.outputs[output], Attributes={"VisibilityTimeout": str(seconds)}
            )


def finished(event: Callable[..., dict[str, Any]], name: str) -> dict[str, Any]:
    """The event of an array job of that name that succeeded; `event`: the fixture."""
    job = str(uuid.uuid4())
    return event("parent-succeeded", jobName=name, jobId=job, jobArn=f"{PLACE}:job/{job}")


def answer_in_turn(answers: Mapping[str, Sequence[SlackResponse]]) -> Callable[[str], SlackResponse | None]:
    """For the sink: each job's answers, by its name, one after the other, and then the usual one."""
    left = {name: list(those) for name, those in answers.items()}

    def decide(body: str) -> SlackResponse | None:
        return next((those.pop(0) for name, those in left.items() if name in body and those), None)

    return decide


def strings(value: Any) -> Iterator[str]:
    """All that are in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
