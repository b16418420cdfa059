"""A deployed stack, and what tests do to it and see of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchbell_local import deployment as deployments
from batchbell_local.cloud import LocalCloud
from batchbell_local.deployment import Deployment
from batchbell_local.slack.sink import SlackSink
from tests.end_to_end.explained_repeats import FIRST, is_explained, mark_of, unanswered_sends
from tests.waiting import FACTOR, patience, wait_until_none

TIMEOUT = 6 * FACTOR  # s, of the function: retries and leases are five times as quick as in a real stack
DEPLOY_LIMIT = 60.0  # s
BATCHING_WINDOW = 1  # s, the shortest with which a batch may have more than ten records


def deploy(environment: Mapping[str, str], program: Path, stack: str, **options: Any) -> Deployment:
    """Deploy as `batchbell_local.deployment.deploy` does, with a limit that follows the machine's load."""
    return deployments.deploy(environment, program, stack, timeout=patience(DEPLOY_LIMIT), **options)


def shorten_batching(cloud: LocalCloud, deployment: Deployment) -> None:
    """Let retries start as soon as they are due. As a stack ships, tickets wait for others."""
    cloud.collect_quiet_queues_for(0)
    functions = cloud.client("lambda")
    name = deployment.outputs["function_name"]
    for mapping in functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]:
        if mapping.get("MaximumBatchingWindowInSeconds"):
            functions.update_event_source_mapping(UUID=mapping["UUID"], MaximumBatchingWindowInSeconds=BATCHING_WINDOW)


@dataclass(frozen=True)
class Stack:
    """A deployed stack, and the channels that it sends to.

    since: when its log begins (epoch seconds)
    messages_before, mails_before: how many the channels have that are not this stack's
    """

    cloud: LocalCloud
    deployment: Deployment
    sink: SlackSink
    wait_until: Callable[..., None]
    since: float = 0.0
    messages_before: int = 0
    mails_before: int = 0

    def send(self, *bodies: Any) -> None:
        """Put records into the intake queue with one call, so that one invocation may get them all."""
        entries = [
            {"Id": str(number), "MessageBody": body if isinstance(body, str) else json.dumps(body)}
            for number, body in enumerate(bodies)
        ]
        url = self.deployment.outputs["intake_queue_url"]
        self.cloud.client("sqs").send_message_batch(QueueUrl=url, Entries=entries)

    def submit(self, name: str, size: int, command: list[str] | None = None) -> str:
        job = self.cloud.client("batch").submit_job(
            jobName=name,
            jobQueue=self.deployment.outputs["job_queue_name"],
            jobDefinition=self.deployment.outputs["job_definition_name"],
            arrayProperties={"size": size},
            **({"containerOverrides": {"command": command}} if command else {}),
        )
        return str(job["jobId"])

    def slack(self, name: str) -> list[str]:
        """Return the texts that Slack accepted about jobs of that name."""
        texts = [payload["text"] for payload in self.sink.accepted[self.messages_before :]]
        return [text for text in texts if name in text]

    def mails(self, name: str) -> list[str]:
        subjects = [mail["Subject"] for mail in self.cloud.mailbox()[self.mails_before :]]
        return [subject for subject in subjects if name in subject]

    def unexplained(self, name: str) -> Mapping[str, list[str]]:
        """Return what Slack and the mailbox have of the job, if that is not one message and no late answer explains it.

        As in `ObservedStack.unexplained`.
        """
        slack = [json.dumps(payload) for payload in self.sink.accepted[self.messages_before :]]
        mails = [mail["Subject"] + mail["BodyText"] for mail in self.cloud.mailbox()[self.mails_before :]]
        unanswered, found = unanswered_sends(self.log(), name), {"slack": slack, "email": mails}
        copies = {notifier: [mark_of(text) for text in texts if name in text] for notifier, texts in found.items()}
        return {
            notifier: those
            for notifier, those in copies.items()
            if not is_explained(those, [FIRST], unanswered.get(notifier, 0))
        }

    def wait_until_received(self, name: str) -> None:
        """Wait until Slack and the mailbox have that job."""
        self.wait_until(lambda: self.slack(name) and self.mails(name), f"received: {name}", timeout=20)

    def in_queue(self, output: str) -> int:
        return self.cloud.message_count(self.deployment.outputs[output])

    def wait_until_idle(self) -> None:
        """Wait until the function has nothing left to do."""
        # In this order: a message that moves on is in the second queue before it leaves the first.
        for output in ("intake_queue_url", "retry_queue_url"):
            self.wait_until_empty(output)

    def wait_until_empty(self, output: str) -> None:
        """Wait until the queue with that output of the stack is empty."""
        # A record whose function was killed comes back when it is no longer hidden.
        wait_until_none(lambda: self.in_queue(output), f"empty: {output}", timeout=30 + 10 * TIMEOUT)

    def dead_letters(self) -> list[dict[str, Any]]:
        """Take all messages out of the dead-letter queue."""
        url, sqs, found = self.deployment.outputs["dead_letter_queue_url"], self.cloud.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def log(self) -> str:
        """Return the function's log."""
        name = self.deployment.outputs["function_name"]
        function = self.cloud.client("lambda").get_function_configuration(FunctionName=name)
        lines = self.cloud.client("logs").filter_log_events(
            logGroupName=function["LoggingConfig"]["LogGroup"], startTime=int(self.since * 1_000)
        )
        return "\n".join(event["message"] for event in lines["events"])
