"""An operator who runs failed children of arrays again, on a local AWS whose children are real processes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from batchbell.cli import app
from batchbell.cli.jobs import outcome, submitting
from tests.batchbell_local.ministack.batch.conftest import Batch
from tests.cli.jobs.recorded_batch import RecordedBatch

# Each child writes down what it received, and fails if there is a file with its index.
CHILD = """
mkdir -p "$NOTES/$AWS_BATCH_JOB_ARRAY_INDEX"
printf '%s\\0' "$@" > "$NOTES/$AWS_BATCH_JOB_ARRAY_INDEX/words"
echo "$AWS_BATCH_JOB_ID $AWS_BATCH_JOB_ARRAY_SIZE ${BATCHBELL_INDEXES-none}" >> "$NOTES/$AWS_BATCH_JOB_ARRAY_INDEX/runs"
while [ -e "$NOTES/$AWS_BATCH_JOB_ARRAY_INDEX.waits" ]
do
  sleep 0.05
done
if [ -e "$NOTES/$AWS_BATCH_JOB_ARRAY_INDEX.fails" ]
then
  exit 3
fi
"""
WORDS = ["a b", "", "'\"", '"$HOME" `id` $(id) \\n', "ü✓\n\ttwo", "*", "-n", "--", "a;b|c&d>e", "%s#!~{x,y}"]


@dataclass(frozen=True)
class Operator:
    """Somebody with a queue of jobs. `notes`: the folder into which the children write."""

    batch: Batch
    queue: str
    notes: Path

    def submit(self, size: int, fail: Sequence[int], words: Sequence[str] = WORDS, **more: Any) -> str:
        """Submit an array of which these children fail; return its id."""
        for index in fail:
            (self.notes / f"{index}.fails").touch()
        definition = self.batch.definition("sh", "-c", CHILD, "child", *words)
        environment = [{"name": "NOTES", "value": str(self.notes)}]
        request = {"jobName": f"job-{uuid.uuid4().hex[:8]}", "containerOverrides": {"environment": environment}, **more}
        return self.batch.submit(self.queue, definition, size=size, **request)

    def failed(self, size: int, fail: Sequence[int], **more: Any) -> str:
        """Return the id of such an array once it has ended."""
        job = self.submit(size, fail, **more)
        self.batch.wait(job)
        return job

    def repair(self) -> None:
        """Remove the cause of all failures, outside of the jobs."""
        for file in self.notes.glob("*.fails"):
            file.unlink()

    def rerun(self, *arguments: str, answer: str | None = None) -> Any:
        return CliRunner().invoke(app, ["rerun", *arguments], input=answer)

    def answer(self, *arguments: str, exit_code: int = 0) -> Any:
        """Run the command, and return what `--json` prints."""
        result = self.rerun("--json", *arguments)
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)

    def runs(self, index: int) -> list[str]:
        """Return, for each run of a child, its job's id, the array's size and whether it sees the variables."""
        return (self.notes / str(index) / "runs").read_text().splitlines()

    def times(self, size: int) -> list[int]:
        """Return how often each child has run."""
        return [len(self.runs(index)) if (self.notes / str(index)).exists() else 0 for index in range(size)]

    def words(self, index: int) -> list[str]:
        return (self.notes / str(index) / "words").read_text().split("\0")[:-1]

    def jobs(self) -> Mapping[str, Any]:
        """Return all jobs of the queue by id."""
        every = [{"name": "JOB_NAME", "values": ["*"]}]
        listed = self.batch.client.list_jobs(jobQueue=self.queue, filters=every)["jobSummaryList"]
        described = self.batch.client.describe_jobs(jobs=[one["jobId"] for one in listed])["jobs"]
        return {one["jobId"]: one for one in described}


@pytest.fixture
def operator(cloud, monkeypatch, tmp_path):
    for variable, value in cloud.environment().items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(outcome, "SHORTEST", 0.05)
    batch = Batch(cloud)
    return Operator(batch, batch.queue(), tmp_path)


@pytest.fixture
def recorded(monkeypatch):
    """An AWS Batch that answers from memory."""
    batch = RecordedBatch()

    class Session:
        def __init__(self, **_: object) -> None: ...

        def client(self, service: str, **_: object) -> RecordedBatch:
            return batch

    monkeypatch.setattr("batchbell.cli.jobs.batch_api.boto3.Session", Session)
    monkeypatch.setattr(submitting, "PAUSE", 0)
    monkeypatch.setenv("COLUMNS", "200")
    return batch


@pytest.fixture
def rerun(recorded):
    """Run the command against it."""
    return lambda *arguments, answer=None: CliRunner().invoke(app, ["rerun", *arguments], input=answer)
