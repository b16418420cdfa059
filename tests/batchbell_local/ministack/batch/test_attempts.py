"""How a job runs: its environment, its output, its exit code, retries, timeouts, and commands that cannot start."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def test_a_child_sees_only_the_variables_of_its_definition_and_of_batch(batch: Any) -> None:
    container = {"environment": [{"name": "COLOUR", "value": "red"}, {"name": "SHADE", "value": "dark"}]}
    definition = batch.definition("/usr/bin/env", container=container)
    queue = batch.queue()
    overrides = {"environment": [{"name": "SHADE", "value": "light"}]}
    parent = batch.submit(queue, definition, size=2, containerOverrides=overrides)
    batch.wait(parent)
    seen = dict(line.split("=", 1) for line in batch.output(batch.describe(f"{parent}:1")))
    assert seen.pop("PATH")
    assert seen.pop("AWS_BATCH_CE_NAME").startswith("environment-")
    assert seen == {
        "COLOUR": "red",
        "SHADE": "light",
        "AWS_BATCH_JOB_ID": f"{parent}:1",
        "AWS_BATCH_JOB_ARRAY_INDEX": "1",
        "AWS_BATCH_JOB_ARRAY_SIZE": "2",
        "AWS_BATCH_JOB_ATTEMPT": "1",
        "AWS_BATCH_JQ_NAME": queue.rsplit("/", 1)[-1],
    }


def test_a_single_job_has_no_array_index(batch: Any) -> None:
    job = batch.wait(batch.run(batch.queue(), "env"))
    assert not any(line.startswith("AWS_BATCH_JOB_ARRAY") for line in batch.output(job))


def test_the_command_does_not_pass_through_a_shell(batch: Any) -> None:
    job = batch.wait(batch.run(batch.queue(), "echo", "$PATH; exit 1"))
    assert job["status"] == "SUCCEEDED"
    assert batch.output(job) == ["$PATH; exit 1"]


def test_both_outputs_go_to_the_default_log_group_under_the_definitions_name(batch: Any) -> None:
    definition = batch.definition("sh", "-c", "echo out; echo error >&2")
    job = batch.wait(batch.submit(batch.queue(), definition))
    name = definition.rsplit("/", 1)[-1].split(":")[0]
    task = job["container"]["taskArn"].rsplit("/", 1)[-1]
    assert job["container"]["logStreamName"] == f"{name}/default/{task}"
    assert batch.output(job) == ["out", "error"]


def test_output_goes_to_the_group_and_prefix_that_the_definition_names(batch: Any) -> None:
    group = batch.name("group")
    batch.logs.create_log_group(logGroupName=group)
    options = {"awslogs-group": group, "awslogs-stream-prefix": "colours"}
    container = {"logConfiguration": {"logDriver": "awslogs", "options": options}}
    job = batch.wait(batch.submit(batch.queue(), batch.definition("echo", "red", container=container)))
    assert job["container"]["logStreamName"].startswith("colours/default/")
    assert batch.output(job, group) == ["red"]


def test_a_log_group_that_does_not_exist_stops_the_container_from_starting(batch: Any) -> None:
    container = {"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": batch.name("absent")}}}
    job = batch.wait(batch.submit(batch.queue(), batch.definition("true", container=container)))
    assert (job["status"], job["statusReason"]) == ("FAILED", "Task failed to start")
    assert "log group does not exist" in job["container"]["reason"]


def test_output_beyond_the_limit_is_dropped_while_the_job_continues(batch: Any) -> None:
    job = batch.wait(batch.run(batch.queue(), "sh", "-c", "yes 0123456789 | head -c 3000000; exit 3"))
    assert job["container"]["exitCode"] == 3
    stream = job["container"]["logStreamName"]
    pages = batch.logs.get_log_events(logGroupName="/aws/batch/job", logStreamName=stream, startFromHead=False)
    assert pages["events"][-1]["message"] == "[the rest of the output is not kept]"


def test_the_output_of_a_running_job_can_be_read(batch: Any) -> None:
    job = batch.run(batch.queue(), "sh", "-c", "echo started; sleep 60")
    stream = batch.wait(job, "RUNNING")["container"]["logStreamName"]
    where = {"logGroupName": "/aws/batch/job", "logStreamName": stream}
    batch.wait_until(lambda: batch.logs.get_log_events(**where)["events"], "no output")
    batch.client.terminate_job(jobId=job, reason="seen")
    batch.wait(job)


def test_parameters_fill_the_commands_placeholders(batch: Any) -> None:
    definition = batch.definition(
        "echo", "Ref::colour", "s3://Ref::bucket/x", "Ref::other", parameters={"colour": "red"}
    )
    job = batch.wait(batch.submit(batch.queue(), definition, parameters={"bucket": "paints"}))
    assert batch.output(job) == ["red s3://paints/x Ref::other"]
    assert job["parameters"] == {"colour": "red", "bucket": "paints"}


def test_overrides_replace_the_command_and_single_requirements(batch: Any) -> None:
    needs = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "250"}]
    definition = batch.definition("false", container={"resourceRequirements": needs})
    overrides = {"command": ["true"], "resourceRequirements": [{"type": "MEMORY", "value": "500"}]}
    job = batch.wait(batch.submit(batch.queue(), definition, containerOverrides=overrides))
    assert job["status"] == "SUCCEEDED"
    assert job["container"]["resourceRequirements"] == [needs[0], {"type": "MEMORY", "value": "500"}]


def test_a_job_without_a_command_succeeds(batch: Any) -> None:
    job = batch.wait(batch.run(batch.queue()))
    assert (job["status"], job["container"]["exitCode"]) == ("SUCCEEDED", 0)


def test_a_command_that_does_not_exist_fails_as_a_container_that_cannot_start(batch: Any) -> None:
    job = batch.wait(batch.run(batch.queue(), "no-such-program"))
    assert (job["status"], job["statusReason"]) == ("FAILED", "Task failed to start")
    assert job["container"]["reason"].startswith("CannotStartContainerError: ")
    assert '"no-such-program": executable file not found in $PATH' in job["container"]["reason"]
    assert "exitCode" not in job["container"]
    assert "startedAt" not in job["attempts"][0]


def test_a_job_killed_by_a_signal_has_a_containers_exit_code(batch: Any) -> None:
    job = batch.wait(batch.run(batch.queue(), "sh", "-c", "kill -9 $$"))
    assert job["container"]["exitCode"] == 137


def test_a_failed_attempt_is_repeated_until_one_succeeds(batch: Any) -> None:
    queue = batch.queue()
    watched = batch.watch(queue)
    definition = batch.definition("sh", "-c", 'test "$AWS_BATCH_JOB_ATTEMPT" = 3', retryStrategy={"attempts": 5})
    job = batch.wait(batch.submit(queue, definition))
    assert job["status"] == "SUCCEEDED"
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [1, 1, 0]
    statuses = [event["detail"]["status"] for event in watched.events()]
    assert statuses == [*["RUNNABLE", "STARTING", "RUNNING"] * 3, "SUCCEEDED"]


def test_a_child_without_attempts_left_fails_once(batch: Any) -> None:
    queue = batch.queue()
    watched = batch.watch(queue)
    parent = batch.run(queue, "false", size=2, retryStrategy={"attempts": 2})
    batch.wait(parent)
    assert len(batch.describe(f"{parent}:0")["attempts"]) == 2
    jobs = [event["detail"]["jobId"] for event in watched.events("FAILED")]
    assert (sorted(jobs[:-1]), jobs[-1]) == ([f"{parent}:0", f"{parent}:1"], parent)


def test_an_exit_rule_stops_the_retries(batch: Any) -> None:
    rules = [{"onExitCode": "4*", "action": "EXIT"}, {"onStatusReason": "Essential*", "action": "RETRY"}]
    strategy = {"attempts": 4, "evaluateOnExit": rules}
    command = ("sh", "-c", "exit $((40 + AWS_BATCH_JOB_ATTEMPT - 2))")  # 39, then 40
    job = batch.wait(batch.run(batch.queue(), *command, retryStrategy=strategy))
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [39, 40]
    assert job["retryStrategy"]["evaluateOnExit"][0] == {"onExitCode": "4*", "action": "exit"}


def test_an_attempt_that_times_out_is_ended_and_not_repeated(batch: Any, tmp_path: Path) -> None:
    command = ("sh", "-c", f"sleep 60 & echo $! > {tmp_path}/pid; wait")
    more = {"timeout": {"attemptDurationSeconds": 1}, "retryStrategy": {"attempts": 3}}
    job = batch.wait(batch.run(batch.queue(), *command, **more))
    assert (job["status"], job["statusReason"]) == ("FAILED", "Job attempt duration exceeded timeout")
    assert len(job["attempts"]) == 1
    assert job["timeout"] == {"attemptDurationSeconds": 1}
    batch.wait_until(lambda: not batch.is_alive(int((tmp_path / "pid").read_text())), "it still runs")


def test_processes_that_a_command_leaves_behind_end_with_it(batch: Any, tmp_path: Path) -> None:
    command = ("sh", "-c", f"sleep 60 & echo $! > {tmp_path}/pid")
    batch.wait(batch.run(batch.queue(), *command))
    batch.wait_until(lambda: not batch.is_alive(int((tmp_path / "pid").read_text())), "it still runs")


def test_each_job_has_a_new_folder_which_is_removed_afterwards(batch: Any, tmp_path: Path) -> None:
    definition = batch.definition("sh", "-c", f"ls; touch mess; pwd >> {tmp_path}/folders")
    parent = batch.submit(batch.queue(), definition, size=2)
    batch.wait(parent)
    assert batch.output(batch.describe(f"{parent}:0")) == batch.output(batch.describe(f"{parent}:1")) == []
    folders = (tmp_path / "folders").read_text().split()
    assert len(set(folders)) == 2
    assert not any(Path(folder).exists() for folder in folders)
