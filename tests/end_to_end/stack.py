"""A deployed stack, and what tests do to it and see of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from batchbell_local.cloud import LocalCloud
from batchbell_local.deployment import Deployment
from batchbell_local.slack.sink import SlackSink

TIMEOUT = 6  # s, of the function: retries and leases are five times as quick as in a real stack


@dataclass(frozen=True)
class Stack:
    """A deployed stack, and the channels that it sends to."""

    cloud: LocalCloud
    deployment: Deployment
    sink: SlackSink
    wait_until: Callable[..., None]

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
        return [payload["text"] for payload in self.sink.accepted if name in payload["text"]]

    def mails(self, name: str) -> list[str]:
        return [mail["Subject"] for mail in self.cloud.mailbox() if name in mail["Subject"]]

    def wait_until_received(self, name: str) -> None:
        """Wait until Slack and the mailbox have that job; fail the test after 20 seconds."""
        self.wait_until(lambda: self.slack(name) and self.mails(name), f"received: {name}", timeout=20)

    def in_queue(self, output: str) -> int:
        return self.cloud.message_count(self.deployment.outputs[output])

    def wait_until_idle(self) -> None:
        """Wait until the function has nothing left to do."""
        for output in ("intake_queue_url", "retry_queue_url"):
            self.wait_until(lambda output=output: self.in_queue(output) == 0, f"empty: {output}", timeout=30)

    def dead_letters(self) -> list[dict[str, Any]]:
        """Take all messages out of the dead-letter queue."""
        url, sqs, found = self.deployment.outputs["dead_letter_queue_url"], self.cloud.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def log(self) -> str:
        logs = self.cloud.client("logs")
        (group,) = (
            group["logGroupName"]
            for group in logs.describe_log_groups()["logGroups"]
            if group["logGroupName"].startswith("print-color-dispatcher")
        )
        return "\n".join(event["message"] for event in logs.filter_log_events(logGroupName=group)["events"])
