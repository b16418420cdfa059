"""dependsOn: whole jobs, SEQUENTIAL, N_TO_N, and how a failure affects waiting jobs."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

FAILED_FOR_IT = ("FAILED", "Dependent Job failed")
ONLY_CHILD_1_FAILS = ("sh", "-c", 'test "$AWS_BATCH_JOB_ARRAY_INDEX" != 1')


def outcome(job: dict[str, Any]) -> tuple[str, str]:
    return job["status"], job["statusReason"]


def held(tmp_path: Path) -> tuple[str, ...]:
    """A command that runs until the file `go` exists."""
    return "sh", "-c", f"while ! test -e {tmp_path}/go; do sleep 0.02; done"


def test_a_job_waits_as_pending_for_all_children_of_an_array(batch: Any, tmp_path: Path) -> None:
    queue = batch.queue()
    watched = batch.watch(queue)
    first = batch.run(queue, *held(tmp_path), size=2)
    then = batch.run(queue, "true", dependsOn=[{"jobId": first}])
    batch.wait(f"{first}:0", "RUNNING")
    assert batch.describe(then)["status"] == "PENDING"
    (tmp_path / "go").touch()
    assert batch.wait(then)["status"] == "SUCCEEDED"
    order = [(event["detail"]["jobId"], event["detail"]["status"]) for event in watched.events()]
    assert order.index((then, "PENDING")) < order.index((first, "SUCCEEDED")) < order.index((then, "RUNNABLE"))


def test_an_array_waits_for_a_job(batch: Any, tmp_path: Path) -> None:
    queue = batch.queue()
    first = batch.run(queue, *held(tmp_path))
    then = batch.run(queue, "true", size=3, dependsOn=[{"jobId": first}])
    assert batch.describe(then)["status"] == "PENDING"
    assert batch.describe(then)["arrayProperties"]["statusSummary"]["SUBMITTED"] == 3
    (tmp_path / "go").touch()
    assert batch.wait(then)["status"] == "SUCCEEDED"


def test_a_failed_dependency_fails_a_job_and_all_children_of_an_array(batch: Any) -> None:
    queue = batch.queue()
    watched = batch.watch(queue)
    first = batch.run(queue, "sh", "-c", "sleep 0.2; exit 1")
    single = batch.run(queue, "true", dependsOn=[{"jobId": first}])
    array = batch.run(queue, "true", size=2, dependsOn=[{"jobId": first}])
    after = batch.run(queue, "true", dependsOn=[{"jobId": array}])
    for job in (single, array, f"{array}:0", f"{array}:1", after):
        assert outcome(batch.wait(job)) == FAILED_FOR_IT
    child = next(event for event in watched.events("FAILED") if event["detail"]["jobId"] == f"{array}:1")
    assert "containerInstanceArn" not in child["detail"]["container"]
    assert child["detail"]["attempts"] == []


def test_a_dependency_on_a_finished_job_is_met_at_once(batch: Any) -> None:
    queue = batch.queue()
    good, bad = batch.run(queue, "true"), batch.run(queue, "false")
    batch.wait(good)
    batch.wait(bad)
    assert batch.wait(batch.run(queue, "true", dependsOn=[{"jobId": good}]))["status"] == "SUCCEEDED"
    assert outcome(batch.wait(batch.run(queue, "true", dependsOn=[{"jobId": bad}]))) == FAILED_FOR_IT
    assert outcome(batch.wait(batch.run(queue, "true", size=2, dependsOn=[{"jobId": bad}]))) == FAILED_FOR_IT


def test_children_of_a_sequential_array_run_one_after_another(batch: Any, tmp_path: Path) -> None:
    command = ("sh", "-c", f"echo $AWS_BATCH_JOB_ARRAY_INDEX >> {tmp_path}/order; sleep 0.02")
    parent = batch.run(batch.queue(), *command, size=5, dependsOn=[{"type": "SEQUENTIAL"}])
    batch.wait(parent)
    assert (tmp_path / "order").read_text().split() == ["0", "1", "2", "3", "4"]
    times = [batch.describe(f"{parent}:{index}") for index in range(5)]
    assert all(one["stoppedAt"] <= next_one["startedAt"] for one, next_one in pairwise(times))


def test_a_failure_in_a_sequential_array_fails_all_later_children(batch: Any) -> None:
    parent = batch.run(batch.queue(), *ONLY_CHILD_1_FAILS, size=2_000, dependsOn=[{"type": "SEQUENTIAL"}])
    assert batch.wait(parent)["arrayProperties"]["statusSummary"]["FAILED"] == 1_999
    assert batch.describe(f"{parent}:0")["status"] == "SUCCEEDED"
    assert outcome(batch.describe(f"{parent}:1"))[1] == "Essential container in task exited"
    assert outcome(batch.describe(f"{parent}:1999")) == FAILED_FOR_IT


def test_n_to_n_makes_each_child_depend_on_the_one_with_its_index(batch: Any) -> None:
    queue = batch.queue()
    first = batch.run(queue, *ONLY_CHILD_1_FAILS, size=3)
    then = batch.run(queue, "true", size=3, dependsOn=[{"jobId": first, "type": "N_TO_N"}])
    assert outcome(batch.wait(then)) == ("FAILED", "Array Child Job failed")
    found = [batch.describe(f"{then}:{index}")["status"] for index in range(3)]
    assert found == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert outcome(batch.describe(f"{then}:1")) == FAILED_FOR_IT


@pytest.mark.parametrize(
    ("size", "dependency", "complaint"),
    [
        (None, {"type": "SEQUENTIAL"}, "array jobs only"),
        (2, {"type": "N_TO_N"}, "needs a jobId"),
        (2, {"jobId": "6bb2ba8d-0b8c-4a54-8a1b-94d11bd4b6f5"}, "does not exist"),
    ],
)
def test_an_invalid_dependency_is_refused(
    batch: Any, size: int | None, dependency: dict[str, str], complaint: str
) -> None:
    queue, definition = batch.queue(), batch.definition("true")
    with pytest.raises(batch.client.exceptions.ClientException, match=complaint):
        batch.submit(queue, definition, size=size, dependsOn=[dependency])


def test_n_to_n_needs_an_array_of_the_same_size(batch: Any) -> None:
    queue, definition = batch.queue(), batch.definition("true")
    for first in (batch.submit(queue, definition), batch.submit(queue, definition, size=3)):
        with pytest.raises(batch.client.exceptions.ClientException, match="same size"):
            batch.submit(queue, definition, size=2, dependsOn=[{"jobId": first, "type": "N_TO_N"}])
