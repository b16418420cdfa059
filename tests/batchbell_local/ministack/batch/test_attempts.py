"""How a job runs: its environment, its output, its exit code, retries, timeouts, and commands that cannot start."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def test_a_child_sees_the_definitions_variables_and_batchs_and_no_others(bench: Any) -> None:
    container = {"environment": [{"name": "COLOUR", "value": "red"}, {"name": "SHADE", "value": "dark"}]}
    definition = bench.definition("/usr/bin/env", container=container)
    queue = bench.queue()
    overrides = {"environment": [{"name": "SHADE", "value": "light"}]}
    parent = bench.submit(queue, definition, size=2, containerOverrides=overrides)
    bench.wait(parent)
    seen = dict(line.split("=", 1) for line in bench.output(bench.describe(f"{parent}:1")))
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


def test_a_single_job_has_no_array_index(bench: Any) -> None:
    job = bench.wait(bench.run(bench.queue(), "env"))
    assert not any(line.startswith("AWS_BATCH_JOB_ARRAY") for line in bench.output(job))


def test_no_shell_reads_the_command(bench: Any) -> None:
    job = bench.wait(bench.run(bench.queue(), "echo", "$PATH; exit 1"))
    assert job["status"] == "SUCCEEDED"
    assert bench.output(job) == ["$PATH; exit 1"]


def test_both_outputs_go_to_the_default_log_group_under_the_definitions_name(bench: Any) -> None:
    definition = bench.definition("sh", "-c", "echo out; echo error >&2")
    job = bench.wait(bench.submit(bench.queue(), definition))
    name = definition.rsplit("/", 1)[-1].split(":")[0]
    task = job["container"]["taskArn"].rsplit("/", 1)[-1]
    assert job["container"]["logStreamName"] == f"{name}/default/{task}"
    assert bench.output(job) == ["out", "error"]


def test_output_goes_to_the_group_and_prefix_that_the_definition_names(bench: Any) -> None:
    group = bench.name("group")
    bench.logs.create_log_group(logGroupName=group)
    options = {"awslogs-group": group, "awslogs-stream-prefix": "colours"}
    container = {"logConfiguration": {"logDriver": "awslogs", "options": options}}
    job = bench.wait(bench.submit(bench.queue(), bench.definition("echo", "red", container=container)))
    assert job["container"]["logStreamName"].startswith("colours/default/")
    assert bench.output(job, group) == ["red"]


def test_a_log_group_that_does_not_exist_stops_the_container_from_starting(bench: Any) -> None:
    container = {"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": bench.name("absent")}}}
    job = bench.wait(bench.submit(bench.queue(), bench.definition("true", container=container)))
    assert (job["status"], job["statusReason"]) == ("FAILED", "Task failed to start")
    assert "log group does not exist" in job["container"]["reason"]


def test_output_beyond_a_limit_is_dropped_and_the_job_goes_on(bench: Any) -> None:
    job = bench.wait(bench.run(bench.queue(), "sh", "-c", "yes 0123456789 | head -c 3000000; exit 3"))
    assert job["container"]["exitCode"] == 3
    stream = job["container"]["logStreamName"]
    pages = bench.logs.get_log_events(logGroupName="/aws/batch/job", logStreamName=stream, startFromHead=False)
    assert pages["events"][-1]["message"] == "[the rest of the output is not kept]"


def test_a_running_jobs_output_can_be_read(bench: Any) -> None:
    job = bench.run(bench.queue(), "sh", "-c", "echo started; sleep 60")
    stream = bench.wait(job, "RUNNING")["container"]["logStreamName"]
    where = {"logGroupName": "/aws/batch/job", "logStreamName": stream}
    bench.wait_until(lambda: bench.logs.get_log_events(**where)["events"], "no output")
    bench.batch.terminate_job(jobId=job, reason="seen")
    bench.wait(job)


def test_parameters_fill_the_commands_placeholders(bench: Any) -> None:
    definition = bench.definition(
        "echo", "Ref::colour", "s3://Ref::bucket/x", "Ref::other", parameters={"colour": "red"}
    )
    job = bench.wait(bench.submit(bench.queue(), definition, parameters={"bucket": "paints"}))
    assert bench.output(job) == ["red s3://paints/x Ref::other"]
    assert job["parameters"] == {"colour": "red", "bucket": "paints"}


def test_overrides_replace_the_command_and_single_requirements(bench: Any) -> None:
    needs = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "250"}]
    definition = bench.definition("false", container={"resourceRequirements": needs})
    overrides = {"command": ["true"], "resourceRequirements": [{"type": "MEMORY", "value": "500"}]}
    job = bench.wait(bench.submit(bench.queue(), definition, containerOverrides=overrides))
    assert job["status"] == "SUCCEEDED"
    assert job["container"]["resourceRequirements"] == [needs[0], {"type": "MEMORY", "value": "500"}]


def test_a_job_without_a_command_succeeds(bench: Any) -> None:
    job = bench.wait(bench.run(bench.queue()))
    assert (job["status"], job["container"]["exitCode"]) == ("SUCCEEDED", 0)


def test_a_command_that_does_not_exist_fails_as_a_container_that_cannot_start(bench: Any) -> None:
    job = bench.wait(bench.run(bench.queue(), "no-such-program"))
    assert (job["status"], job["statusReason"]) == ("FAILED", "Task failed to start")
    assert job["container"]["reason"].startswith("CannotStartContainerError: ")
    assert '"no-such-program": executable file not found in $PATH' in job["container"]["reason"]
    assert "exitCode" not in job["container"]
    assert "startedAt" not in job["attempts"][0]


def test_a_job_that_dies_of_a_signal_has_the_exit_code_of_a_container(bench: Any) -> None:
    job = bench.wait(bench.run(bench.queue(), "sh", "-c", "kill -9 $$"))
    assert job["container"]["exitCode"] == 137


def test_a_failed_attempt_is_repeated_until_one_succeeds(bench: Any) -> None:
    queue = bench.queue()
    watched = bench.watch(queue)
    definition = bench.definition("sh", "-c", 'test "$AWS_BATCH_JOB_ATTEMPT" = 3', retryStrategy={"attempts": 5})
    job = bench.wait(bench.submit(queue, definition))
    assert job["status"] == "SUCCEEDED"
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [1, 1, 0]
    statuses = [event["detail"]["status"] for event in watched.events()]
    assert statuses == ["SUBMITTED", *["RUNNABLE", "STARTING", "RUNNING"] * 3, "SUCCEEDED"]


def test_a_child_whose_attempts_are_used_up_fails_once(bench: Any) -> None:
    queue = bench.queue()
    watched = bench.watch(queue)
    parent = bench.run(queue, "false", size=2, retryStrategy={"attempts": 2})
    bench.wait(parent)
    assert len(bench.describe(f"{parent}:0")["attempts"]) == 2
    jobs = [event["detail"]["jobId"] for event in watched.events("FAILED")]
    assert (sorted(jobs[:-1]), jobs[-1]) == ([f"{parent}:0", f"{parent}:1"], parent)


def test_an_exit_rule_stops_the_retries(bench: Any) -> None:
    rules = [{"onExitCode": "4*", "action": "EXIT"}, {"onStatusReason": "Essential*", "action": "RETRY"}]
    strategy = {"attempts": 4, "evaluateOnExit": rules}
    command = ("sh", "-c", "exit $((40 + AWS_BATCH_JOB_ATTEMPT - 2))")  # 39, then 40
    job = bench.wait(bench.run(bench.queue(), *command, retryStrategy=strategy))
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [39, 40]
    assert job["retryStrategy"]["evaluateOnExit"][0] == {"onExitCode": "4*", "action": "exit"}


def test_an_attempt_that_lasts_too_long_is_ended_and_not_repeated(bench: Any, tmp_path: Path) -> None:
    command = ("sh", "-c", f"sleep 60 & echo $! > {tmp_path}/pid; wait")
    more = {"timeout": {"attemptDurationSeconds": 1}, "retryStrategy": {"attempts": 3}}
    job = bench.wait(bench.run(bench.queue(), *command, **more))
    assert (job["status"], job["statusReason"]) == ("FAILED", "Job attempt duration exceeded timeout")
    assert len(job["attempts"]) == 1
    assert job["timeout"] == {"attemptDurationSeconds": 1}
    bench.wait_until(lambda: not bench.is_alive(int((tmp_path / "pid").read_text())), "it still runs")


def test_what_a_command_leaves_behind_ends_with_it(bench: Any, tmp_path: Path) -> None:
    command = ("sh", "-c", f"sleep 60 & echo $! > {tmp_path}/pid")
    bench.wait(bench.run(bench.queue(), *command))
    bench.wait_until(lambda: not bench.is_alive(int((tmp_path / "pid").read_text())), "it still runs")


def test_each_job_has_a_new_folder_which_is_gone_afterwards(bench: Any, tmp_path: Path) -> None:
    definition = bench.definition("sh", "-c", f"ls; touch mess; pwd >> {tmp_path}/folders")
    parent = bench.submit(bench.queue(), definition, size=2)
    bench.wait(parent)
    assert bench.output(bench.describe(f"{parent}:0")) == bench.output(bench.describe(f"{parent}:1")) == []
    folders = (tmp_path / "folders").read_text().split()
    assert len(set(folders)) == 2
    assert not any(Path(folder).exists() for folder in folders)
