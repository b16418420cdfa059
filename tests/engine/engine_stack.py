"""A stack that the real Pulumi engine deploys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from batchbell_local.cloud import LocalCloud
from batchbell_local.slack.sink import SlackSink
from tests.engine.running_operation import OperationResult, RunningOperation


@dataclass
class EngineStack:
    """A stack of a program. `secrets` are the secrets of its config, by key without the project's name."""

    folder: Path
    name: str
    environment: dict[str, str]
    cloud: LocalCloud
    sink: SlackSink
    wait_until: Callable[..., None]
    secrets: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return self.folder / f"Pulumi.{self.name}.yaml"

    @property
    def project(self) -> str:
        return str(yaml.safe_load((self.folder / "Pulumi.yaml").read_text())["name"])

    def set(self, **settings: Any) -> None:
        """Write settings into the stack's file, as a user does."""
        document = yaml.safe_load(self.file.read_text()) if self.file.exists() else {"config": {}}
        document["config"] |= {f"{self.project}:{name}": value for name, value in settings.items()}
        self.file.write_text(yaml.safe_dump(document, sort_keys=False))

    def get(self, setting: str) -> Any:
        return yaml.safe_load(self.file.read_text())["config"][f"{self.project}:{setting}"]

    def start(self, operation: str) -> RunningOperation:
        request = {"operation": operation, "program": str(self.folder), "stack": self.name, "secrets": self.secrets}
        return RunningOperation(request, self.environment)

    def run(self, operation: str) -> OperationResult:
        """Run an operation, which must succeed."""
        done = self.start(operation).finish()
        assert not done.failed, done.failed
        if operation == "up":
            self.outputs = done.result
        return done

    def submit(self, name: str, size: int = 7, command: list[str] | None = None) -> str:
        job = self.cloud.client("batch").submit_job(
            jobName=name,
            jobQueue=self.outputs["job_queue_name"],
            jobDefinition=self.outputs["job_definition_name"],
            arrayProperties={"size": size},
            **({"containerOverrides": {"command": command}} if command else {}),
        )
        return str(job["jobId"])

    def slack(self, name: str) -> list[str]:
        """Return the titles that Slack accepted about jobs with that name."""
        return [one["text"].splitlines()[0] for one in self.sink.accepted if name in one["text"]]

    def mails(self, name: str) -> list[str]:
        return [mail["Subject"] for mail in self.cloud.mailbox() if name in mail["Subject"]]

    def wait_until_received(self, *names: str) -> None:
        """Wait until Slack and the mailbox have these jobs."""
        for name in names:
            self.wait_until(lambda name=name: self.slack(name) and self.mails(name), f"received: {name}", timeout=40)
