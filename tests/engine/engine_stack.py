"""A stack that the real Pulumi engine deploys."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from batchbell_local.cloud import LocalCloud
from batchbell_local.slack.sink import SlackSink
from tests.engine.running_operation import OperationResult, ProgramHost, RunningOperation
from tests.waiting import wait_until

FUNCTION_TIMEOUT = 6  # s; retries and leases are five times as quick as in a real stack
PATIENCE = 15.0  # s of an idle machine until a job's messages have arrived; some 2 s are usual


@dataclass
class EngineStack:
    """A stack of a program.

    host: runs the program; None for the CLI's own way
    secrets: of its config, by key without the project's name
    """

    folder: Path
    name: str
    environment: dict[str, str]
    cloud: LocalCloud
    sink: SlackSink
    host: ProgramHost | None
    secrets_provider: str
    secrets: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    _stored_secrets: dict[str, str] | None = None  # None until the stack exists

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

    def cli(self, *arguments: str, typed: str = "") -> None:
        """Run a command of the CLI, which must succeed; `typed` is its standard input."""
        command = ["pulumi", *arguments, "--stack", self.name, "--non-interactive"]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, input=typed, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def start(self, operation: str, *options: str) -> RunningOperation:
        """Start an operation ("up"), after creating the stack and storing its secrets if that is not done yet."""
        if self._stored_secrets is None:
            self.cli("stack", "select", "--create", "--secrets-provider", self.secrets_provider)
            self._stored_secrets = {}
        if self.secrets != self._stored_secrets:
            new = [part for name, value in self.secrets.items() for part in ("--secret", f"{name}={value}")]
            self.cli("config", "set-all", *new)
            self._stored_secrets = dict(self.secrets)
        return RunningOperation(self.host, self.folder, self.name, operation, options, self.environment)

    def run(self, operation: str) -> OperationResult:
        """Run an operation, which must succeed."""
        done = self.start(operation).finish()
        assert not done.failed, done.failed
        if operation == "up":
            self.outputs = done.outputs
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

        def received() -> bool:
            if not all(map(self.slack, names)):
                return False
            subjects = [mail["Subject"] for mail in self.cloud.mailbox()]
            return all(any(name in subject for subject in subjects) for name in names)

        wait_until(received, f"received: {', '.join(names)}", PATIENCE, progress=lambda: len(self.sink.accepted))
