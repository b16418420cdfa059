"""Stacks as users deploy them, on a local AWS of their own, and what one can do and see there."""

from __future__ import annotations

import json
import textwrap
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from batchbell_local.cloud import LocalCloud
from batchbell_local.collecting_queue import CollectingQueue
from batchbell_local.deployment import Deployment, deploy, this_machine
from batchbell_local.slack.sink import SlackSink
from tests.end_to_end.watched import Watched

TIMEOUT = 6  # s; the function's: retries and leases are five times as quick as in a real stack


@dataclass(frozen=True)
class Stack:
    """A deployed stack, and the channels that it reaches."""

    cloud: LocalCloud
    deployment: Deployment
    sink: SlackSink
    wait_until: Callable[..., None]

    def send(self, *bodies: Any) -> None:
        """Put records into the intake queue in one go, so that one invocation may get them all."""
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
        """The texts that Slack accepted about jobs of that name."""
        return [payload["text"] for payload in self.sink.accepted if name in payload["text"]]

    def mails(self, name: str) -> list[str]:
        return [mail["Subject"] for mail in self.cloud.mailbox() if name in mail["Subject"]]

    def told(self, name: str) -> None:
        """Wait until Slack and the mailbox know of that job; raise if they do not in time."""
        self.wait_until(lambda: self.slack(name) and self.mails(name), f"told of {name}", timeout=20)

    def in_queue(self, output: str) -> int:
        return self.cloud.message_count(self.deployment.outputs[output])

    def settled(self) -> None:
        """Wait until the function has nothing left to do."""
        for output in ("intake_queue_url", "retry_queue_url"):
            self.wait_until(lambda output=output: self.in_queue(output) == 0, f"empty: {output}", timeout=30)

    def dead_letters(self) -> list[dict[str, Any]]:
        """Take what is in the dead-letter queue."""
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


@pytest.fixture(scope="module")
def print_color(own_cloud: LocalCloud, sink: SlackSink, project: Path, wait_until: Callable[..., None]) -> Stack:
    deployment = deploy(
        own_cloud.environment(),
        project,
        "print-color",
        config={**this_machine(), "function_timeout": TIMEOUT},
        secrets={"slackWebhook": sink.url},
    )
    return Stack(own_cloud, deployment, sink, wait_until)


@pytest.fixture(scope="module")
def watched(print_color: Stack, event: Callable[..., dict[str, Any]]) -> Watched:
    topic_arn = print_color.deployment.outputs["notifiers"]["sns"]["topic_arn"]
    return Watched(print_color, CollectingQueue.of_topic(print_color.cloud, "watched", topic_arn), event)


@pytest.fixture
def program(tmp_path: Path, project: Path) -> Callable[[str], Path]:
    """A folder with a Pulumi program of its own, and the component's code beside it."""

    def make(source: str) -> Path:
        folder = tmp_path / uuid.uuid4().hex
        folder.mkdir()
        (folder / "Pulumi.yaml").write_text("name: theirs\nruntime: python\n")
        (folder / "__main__.py").write_text(textwrap.dedent(source))
        for package in ("components", "notifiers"):
            (folder / package).symlink_to(project / package)
        return folder

    return make


@pytest.fixture
def name() -> str:
    """A job's name that no other test uses."""
    return f"job-{uuid.uuid4().hex[:8]}"
