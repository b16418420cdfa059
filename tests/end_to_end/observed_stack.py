"""The print-color stack under faults: what each channel, the ledger and the log have about one job."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batchbell_local.cloud import FaultHandle
from batchbell_local.collecting_queue import CollectingQueue
from batchbell_local.slack.sink import SlackResponse
from components.delivery import INTAKE_WINDOW, RETRY_WINDOW
from tests.end_to_end.explained_repeats import (
    FIRST,
    is_expected,
    is_explained,
    mark_of,
    unanswered_sends,
)
from tests.end_to_end.stack import Stack
from tests.waiting import wait_until_none

NOTIFIERS = ("slack", "email", "sns")
BATCH_ARN = "arn:aws:batch:us-east-1:123456789012"

ONCE = {notifier: [FIRST] for notifier in NOTIFIERS}
NOTHING: Mapping[str, list[str]] = {notifier: [] for notifier in NOTIFIERS}
SENT = {notifier: {"sent"} for notifier in NOTIFIERS}  # the ledger's rows when all is sent

# The log's reason while another invocation holds the claim. How often it comes depends on the clock.
CLAIMED = "another invocation is sending it"

# How the update expressions of the ledger's calls begin, for faults that hit one kind of call.
CLAIM, COMMIT, RELEASE, UNKNOWN = "SET #token", "SET #sent", "SET #tried", "SET #maybe"


@dataclass(frozen=True)
class FinishedJob:
    """A finished job that only one test uses, and its event."""

    name: str
    event: dict[str, Any]

    @property
    def key(self) -> str:
        return f"{self.event['detail']['jobArn']}#{self.event['detail']['status']}"

    def ledger_call(self, notifier: str, begins: str) -> str:
        """Return a text that only the ledger's calls for this job and notifier contain whose update begins so."""
        return f'{self.key}"}}, "notifier": {{"S": "{notifier}"}}}}, "UpdateExpression": "{begins}'


@dataclass(frozen=True)
class ObservedStack:
    stack: Stack
    topic: CollectingQueue
    read_event: Callable[..., dict[str, Any]]

    def job(self, file: str = "parent-succeeded", **detail: Any) -> FinishedJob:
        """Make a new job. `file` is one of tests/events; `detail` replaces fields of the event's detail."""
        name, identity = f"job-{uuid.uuid4().hex[:8]}", str(uuid.uuid4())
        found = {"jobName": name, "jobId": identity, "jobArn": f"{BATCH_ARN}:job/{identity}"}
        return FinishedJob(name, self.read_event(file, **found | detail))

    def texts(self, name: str) -> Mapping[str, list[str]]:
        """Return all texts about the job so far, by notifier, in the order of arrival."""
        found = {
            "slack": ["\n".join(strings(payload)) for payload in self.stack.sink.accepted],
            "email": [mail["BodyText"] for mail in self.stack.cloud.mailbox()],
            "sns": ["\n".join(strings(json.loads(json.loads(body)["Message"]))) for body in self.topic.bodies()],
        }
        return {notifier: [text for text in texts if name in text] for notifier, texts in found.items()}

    def each_text(self, name: str) -> list[str]:
        """Return the texts about the job in all channels, each of which has it."""
        found = self.texts(name)
        assert all(found.values()), found
        return [text for texts in found.values() for text in texts]

    def deliveries(self, name: str) -> Mapping[str, list[str]]:
        """Return FIRST or REPEAT for each of these texts."""
        return {notifier: [mark_of(text) for text in texts] for notifier, texts in self.texts(name).items()}

    def unexplained(self, name: str, expected: Mapping[str, Sequence[str]] = ONCE) -> Mapping[str, list[str]]:
        """Return what each notifier has of the job that differs from `expected`, and that no late answer explains."""
        unanswered = unanswered_sends(self.stack.log(), name)
        return {
            notifier: copies
            for notifier, copies in self.deliveries(name).items()
            if not is_explained(copies, expected[notifier], unanswered.get(notifier, 0))
        }

    def ledger_rows(self, job: FinishedJob) -> Mapping[str, set[str]]:
        """Return the ledger's rows of the job: by notifier, which of the fields sent, token and maybe the row has."""
        table = self.stack.deployment.outputs["ledger_table_name"]
        answer = self.stack.cloud.client("dynamodb").query(
            TableName=table,
            KeyConditionExpression="message = :key",
            ExpressionAttributeValues={":key": {"S": job.key}},
        )
        return {row["notifier"]["S"]: set(row) & {"sent", "token", "maybe"} for row in answer["Items"]}

    def outcomes(self, name: str, notifier: str) -> list[str]:
        """Return the reason, or else the result, of each attempt in the function's log.

        Attempts that only waited for another invocation are left out.
        """
        return [text for text, _ in self.all_outcomes().get((name, notifier), [])]

    def unexpected(
        self, name: str, expected: Mapping[str, Sequence[str]], may_repeat: str = ""
    ) -> Mapping[str, list[str]]:
        """Return the outcomes by notifier that differ from `expected`, apart from what `is_expected` allows."""
        found = self.all_outcomes()
        return {
            notifier: self.outcomes(name, notifier)
            for notifier, texts in expected.items()
            if not is_expected(found.get((name, notifier), []), texts, may_repeat)
        }

    def all_outcomes(self) -> Mapping[tuple[str, str], list[tuple[str, str]]]:
        """Return the same for every job so far, by its name and the notifier, each with the result."""
        found: dict[tuple[str, str], list[tuple[str, str]]] = {}
        texts = [text for text in self.stack.log().splitlines() if text.startswith("{") and '"outcome"' in text]
        # Lambda writes the lines of an invocation at its end, and a slow one may end after the next one.
        for line in sorted((json.loads(text) for text in texts), key=lambda line: str(line.get("timestamp"))):
            if line.get("message") == "outcome" and line["reason"] != CLAIMED:
                found.setdefault((line["job"], line["notifier"]), []).append(
                    (line["reason"] or line["result"], line["result"])
                )
        return found

    def count_tried(self, jobs: Iterable[FinishedJob]) -> int:
        """Return how many of these jobs each notifier has tried to send."""
        tried = self.all_outcomes()
        return sum(all((job.name, notifier) in tried for notifier in NOTIFIERS) for job in jobs)

    def wait_until_tried(self, jobs: Collection[FinishedJob]) -> None:
        """Wait until each notifier has tried to send each of these jobs."""
        wait_until_none(lambda: len(jobs) - self.count_tried(jobs), "tried", timeout=40)

    def wait_until_idle(self) -> None:
        self.stack.wait_until_idle()

    def set_batch_size(self, records: int) -> None:
        """Give invocations at most so many records. With one, jobs with different faults never share an invocation."""
        for mapping in self._mappings():
            self._lambda.update_event_source_mapping(UUID=mapping["UUID"], BatchSize=records)

    def set_mapping_enabled(self, output: str, enabled: bool) -> None:
        """Set whether the function receives from that queue."""
        name = self.stack.deployment.outputs[output].rpartition("/")[2]
        (mapping,) = (one["UUID"] for one in self._mappings() if one["EventSourceArn"].endswith(f":{name}"))
        self._lambda.update_event_source_mapping(UUID=mapping, Enabled=enabled)

    def restart_processes(self) -> None:
        """Replace the function's processes by new ones, which know nothing. None of them may be at work."""
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

    def set_visibility_timeout(self, seconds: int) -> None:
        """Set the visibility timeout of intake and retry queue.

        It must not be below the function's timeout plus its start plus the rest of a claim. The retry queue's is longer
        by the window in which its mapping collects.
        """
        for output, window in (("intake_queue_url", INTAKE_WINDOW), ("retry_queue_url", RETRY_WINDOW)):
            self.stack.cloud.client("sqs").set_queue_attributes(
                QueueUrl=self.stack.deployment.outputs[output], Attributes={"VisibilityTimeout": str(seconds + window)}
            )


def wait_until_hit(faults: Iterable[FaultHandle], what: str) -> None:
    """Wait until each of the faults has occurred; asks for one of them at a time."""
    left = list(faults)

    def count() -> int:
        while left and left[0].hits:
            left.pop(0)
        return len(left)

    wait_until_none(count, what, timeout=40)


def finished_event(event: Callable[..., dict[str, Any]], name: str) -> dict[str, Any]:
    """Make the event of an array job that succeeded. `event` is the fixture."""
    job = str(uuid.uuid4())
    return event("parent-succeeded", jobName=name, jobId=job, jobArn=f"{BATCH_ARN}:job/{job}")


def answer_in_turn(answers: Mapping[str, Sequence[SlackResponse]]) -> Callable[[str], SlackResponse | None]:
    """Make a function for the sink: it returns each job's answers in turn, by the job's name, then the usual one."""
    left = {name: list(those) for name, those in answers.items()}

    def decide(body: str) -> SlackResponse | None:
        return next((those.pop(0) for name, those in left.items() if name in body and those), None)

    return decide


def strings(value: Any) -> Iterator[str]:
    """Yield all strings in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
