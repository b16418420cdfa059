"""`rerun` on a local AWS whose children are real processes: exactly what failed runs again, with its old index."""

from __future__ import annotations

import os
import subprocess

import pytest

from batchbell.dispatcher.records.index_ranges import to_ranges
from batchbell.wire import RERUN_TAG
from tests.cli.jobs.conftest import WORDS


@pytest.mark.parametrize("fail", [[4], [2, 5], [*range(3, 20), *range(30, 68, 2), 69]], ids=["1", "2", "37"])
def test_exactly_the_failed_children_run_again_with_their_index_and_words(operator, fail):
    size = 70 if len(fail) > 2 else 7
    job = operator.failed(size, fail)
    operator.repair()
    answer = operator.answer(job, "--yes", "--wait")

    assert answer["indexes"] == fail
    assert answer["outcome"] == {"succeeded": len(fail), "failed": []}
    assert operator.times(size) == [2 if index in fail else 1 for index in range(size)]
    (submitted,) = answer["submitted"]
    for index in fail:
        run = operator.runs(index)[-1].split()
        assert run[0].partition(":")[0] == submitted["id"]
        assert run[1:] == [str(size), "none"]  # as in the first job
        assert operator.words(index) == WORDS


def test_the_rerun_names_the_first_job_and_keeps_what_that_was_submitted_with(operator):
    more = {
        "tags": {"team": "genomics"},
        "timeout": {"attemptDurationSeconds": 600},
        "retryStrategy": {"attempts": 2, "evaluateOnExit": [{"onExitCode": "3", "action": "EXIT"}]},
        "parameters": {"unused": "x"},
        "shareIdentifier": "share",
        "schedulingPriorityOverride": 7,
        "propagateTags": True,
    }
    job = operator.failed(3, [0, 2], **more)
    operator.repair()
    answer = operator.answer(job, "--yes", "--reason", "disk full, replaced")
    first, rerun = operator.batch.describe(job), operator.batch.describe(answer["submitted"][0]["id"])

    kept = (
        "jobName", "jobQueue", "jobDefinition", "timeout", "retryStrategy", "parameters", "shareIdentifier",
        "schedulingPriority", "propagateTags",
    )  # fmt: skip
    assert {name: rerun[name] for name in kept} == {name: first[name] for name in kept}
    assert rerun["tags"] == {
        "team": "genomics",
        RERUN_TAG: first["jobArn"],
        "batchbell:rerun-reason": "disk full replaced",
    }
    assert rerun["container"]["resourceRequirements"] == first["container"]["resourceRequirements"]


def test_more_memory_and_vcpus_and_another_name_can_be_given(operator):
    job = operator.failed(2, [1])
    answer = operator.answer(job, "--yes", "--set-memory", "4096", "--set-vcpus", "2", "--name", "bigger")
    rerun = operator.batch.describe(answer["submitted"][0]["id"])

    assert rerun["jobName"] == "bigger"
    assert {one["type"]: one["value"] for one in rerun["container"]["resourceRequirements"]} == {
        "VCPU": "2",
        "MEMORY": "4096",
    }


def test_a_placeholder_gets_its_parameter_again(operator):
    job = operator.failed(2, [1], words=["Ref::file", "--to=Ref::file", "Ref::nothing"], parameters={"file": "a b.txt"})
    operator.repair()
    operator.answer(job, "--yes", "--wait")

    assert operator.words(1) == ["a b.txt", "--to=a b.txt", "Ref::nothing"]
    assert operator.times(2) == [1, 2]


def test_of_an_array_that_still_runs_only_what_has_failed_is_run_again(operator):
    (operator.notes / "3.waits").touch()
    job = operator.submit(4, [1])
    operator.batch.wait_until(
        lambda: operator.batch.describe(job)["arrayProperties"]["statusSummary"]["FAILED"] == 1, "no child failed"
    )
    operator.repair()
    shown = operator.rerun(job, "--yes", "--wait")
    assert shown.exit_code == 0, shown.output
    assert "1 of 4 children failed" in shown.stdout
    (operator.notes / "3.waits").unlink()
    operator.batch.wait(job)

    assert operator.times(4) == [1, 2, 1, 1]


def test_the_exit_code_is_the_outcomes_and_a_second_rerun_takes_what_failed_again(operator):
    job = operator.failed(6, [1, 3, 5])
    for index in (1, 5):
        (operator.notes / f"{index}.fails").unlink()
    answer = operator.answer(job, "--yes", "--wait", exit_code=1)
    assert answer["outcome"] == {"succeeded": 2, "failed": [3]}
    operator.repair()
    second = operator.answer(job, "--yes", "--wait")

    assert second["indexes"] == [3]
    assert second["left_out"]["in_earlier_reruns"] == [1, 5]
    assert operator.times(6) == [1, 2, 1, 3, 1, 2]
    assert operator.runs(3)[-1].split()[1:] == ["6", "none"]
    nothing = operator.rerun(job, "--yes")
    assert nothing.exit_code == 0
    assert "Nothing to run again." in nothing.stdout
    assert operator.times(6) == [1, 2, 1, 3, 1, 2]


def test_the_rerun_of_a_rerun_has_the_indexes_of_the_first_job(operator):
    job = operator.failed(9, [2, 4, 8])
    (operator.notes / "2.fails").unlink()
    first = operator.answer(job, "--yes", "--wait", exit_code=1)["submitted"][0]["id"]
    (operator.notes / "8.fails").unlink()
    second = operator.answer(first, "--yes", "--wait", exit_code=1)
    assert second["indexes"] == [4, 8]
    operator.repair()
    third = operator.answer(second["submitted"][0]["id"], "--yes", "--wait")

    assert third["indexes"] == [4]
    assert operator.times(9) == [1, 1, 2, 1, 4, 1, 1, 1, 3]
    assert operator.words(4) == WORDS
    arn = operator.batch.describe(job)["jobArn"]
    assert operator.batch.describe(third["submitted"][0]["id"])["tags"][RERUN_TAG] == arn


def test_only_some_of_the_failed_children_can_be_chosen(operator):
    job = operator.failed(6, [1, 3, 5])
    operator.repair()
    answer = operator.answer(job, "--only", "0-3", "--yes", "--wait")

    assert answer["indexes"] == [1, 3]
    assert answer["left_out"]["not_failed"] == [0, 2]
    assert operator.times(6) == [1, 2, 1, 2, 1, 1]


def test_a_dry_run_shows_everything_and_submits_nothing(operator):
    job = operator.failed(5, [0, 4])
    before = set(operator.jobs())
    shown = operator.rerun(job, "--dry-run")

    assert shown.exit_code == 0
    assert "2 of 5 children failed" in shown.stdout
    assert "Essential container in task exited" in shown.stdout and "0, 4" in shown.stdout
    assert "nothing was" in shown.stdout
    assert set(operator.jobs()) == before


def test_it_asks_first_and_a_no_or_no_answer_submits_nothing(operator):
    job = operator.failed(3, [0, 2])
    before = set(operator.jobs())
    for answer, says in (("n\n", "nothing was submitted"), ("", "--yes submits without asking")):
        result = operator.rerun(job, answer=answer)
        assert result.exit_code == 2
        assert "Run these 2 children again? [y/N]" in result.stderr
        assert says in result.stderr
    assert set(operator.jobs()) == before


def test_what_a_rerun_still_runs_is_left_out_of_the_next(operator):
    job = operator.failed(3, [0, 2])
    operator.repair()
    (operator.notes / "2.waits").touch()
    submitted = operator.answer(job, "--yes")["submitted"][0]["id"]
    again = operator.rerun(job, "--only", "2", "--yes")
    (operator.notes / "2.waits").unlink()
    operator.batch.wait(submitted)

    assert operator.times(3) == [2, 1, 2]
    assert again.exit_code == 0
    assert "Left out, since they succeeded or still run in an earlier rerun: 2." in again.stdout


def test_a_second_rerun_of_the_same_failure_says_so_in_its_question(operator):
    job = operator.failed(3, [0, 2])
    operator.answer(job, "--yes", "--wait", exit_code=1)
    result = operator.rerun(job, answer="n\n")

    assert result.exit_code == 2
    assert "There was a rerun of this failure already. Run these 2 children once more? [y/N]" in result.stderr


def test_dependents_are_named_and_not_revived(operator):
    job = operator.submit(3, [0])
    dependent = operator.batch.submit(operator.queue, operator.batch.definition("true"), dependsOn=[{"jobId": job}])
    operator.batch.wait(dependent)
    operator.repair()
    answer = operator.answer(job, "--yes", "--wait")

    assert [one["id"] for one in answer["dependents"]] == [dependent]
    assert any(dependent in note and "not revived" in note for note in answer["notes"])
    assert operator.batch.describe(dependent)["status"] == "FAILED"


def test_children_that_each_wait_for_the_one_before_do_so_again(operator):
    job = operator.failed(4, [1], dependsOn=[{"type": "SEQUENTIAL"}])
    operator.repair()
    answer = operator.answer(job, "--yes", "--wait")

    assert answer["indexes"] == [1, 2, 3]
    assert operator.batch.describe(answer["submitted"][0]["id"])["dependsOn"] == [{"type": "SEQUENTIAL"}]
    assert operator.times(4) == [1, 2, 1, 1]


def test_a_job_that_reads_its_indexes_itself_keeps_its_command(operator):
    job = operator.failed(6, [1, 2, 5])
    answer = operator.answer(job, "--yes", "--indexes-variable", "--wait", exit_code=1)
    rerun = operator.batch.describe(answer["submitted"][0]["id"])

    assert rerun["container"]["command"] == operator.batch.describe(job)["container"]["command"]
    variables = {one["name"]: one["value"] for one in rerun["container"]["environment"]}
    assert variables["BATCHBELL_INDEXES"] == "1-2,5" == ",".join(to_ranges(answer["indexes"]))
    assert variables["BATCHBELL_ARRAY_SIZE"] == "6"


def test_9_999_failures_are_one_array_whose_every_position_has_its_index(operator):
    """They fail without a process, since no environment takes them; of the rerun, some positions are run here."""
    queue = operator.batch.client.describe_job_queues(jobQueues=[operator.queue])["jobQueues"][0]
    environment = queue["computeEnvironmentOrder"][0]["computeEnvironment"]
    operator.batch.client.update_compute_environment(computeEnvironment=environment, state="DISABLED")
    job = operator.submit(9_999, [])
    operator.batch.client.terminate_job(jobId=job, reason="wrong input")
    operator.batch.wait(job)
    answer = operator.answer(job, "--yes")

    assert [(one["reason"], len(one["indexes"])) for one in answer["groups"]] == [("wrong input", 9_999)]
    (submitted,) = answer["submitted"]
    rerun = operator.batch.describe(submitted["id"])
    assert rerun["arrayProperties"]["size"] == 9_999
    variables = {one["name"]: one["value"] for one in rerun["container"]["environment"]}
    for position in (0, 4_711, 9_998):
        child = {"PATH": os.environ["PATH"], "AWS_BATCH_JOB_ARRAY_INDEX": str(position), **variables}
        subprocess.run(rerun["container"]["command"], env=child, check=True)
        assert operator.words(position) == WORDS
    operator.batch.client.terminate_job(jobId=submitted["id"], reason="seen enough")
