"""The steps of the run, in their order."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from . import array_job, broken_policy
from .capture import start_capture
from .leftovers import find_leftovers
from .program import STACK
from .run import Run, Tell
from .step import Deadline, Findings, Step, StepFailed

MINUTE = 60
DESTROY_LIMIT = 25 * MINUTE
SETTINGS: Mapping[str, Any] = {
    "environment_name": STACK,
    "environment_platform": "FARGATE",  # no instances: nothing runs, and costs, but the jobs
    "environment_max_vcpus": 2,
    "function_log_retention_days": 1,
    "notifiers": [{"type": "sns", "name": "topic"}],  # a topic without subscribers: no secret, and nobody gets mail
}
KEPT_BY_AWS = {"job definitions, inactive"}


def check(run: Run, deadline: Deadline) -> Findings:
    ec2 = run.account.client("ec2")
    subnets = [
        {
            "zone": one["AvailabilityZone"],
            "default_for_zone": one["DefaultForAz"],
            "public_address": one["MapPublicIpOnLaunch"],
        }
        for vpc in ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
        for one in ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"]
    ]
    cli = run.program.pulumi("version", limit=deadline.left, in_stack=False).strip()
    return {"pulumi": cli, "default_vpc_subnets": subnets}


def up(run: Run, deadline: Deadline) -> Findings:
    run.cleanup.add("the stack", lambda: run.program.destroy(limit=DESTROY_LIMIT))
    run.program.pulumi("stack", "select", "--create", limit=deadline.left)
    run.program.pulumi("up", "--yes", "--skip-preview", limit=deadline.left)
    resources = run.program.resources(limit=deadline.left)
    return {"resources": len(resources), "types": sorted(set(resources))}


def preview(run: Run, deadline: Deadline) -> Findings:
    return _without_changes(run.program.changes(limit=deadline.left))


def refresh(run: Run, deadline: Deadline) -> Findings:
    return _without_changes(run.program.changes("--refresh", limit=deadline.left))


def _without_changes(changes: Sequence[Mapping[str, Any]]) -> Findings:
    found = {"changes": list(changes)}
    if changes:
        raise StepFailed(f"{len(changes)} changes, and there must be none", found)
    return found


def array(run: Run, deadline: Deadline) -> Findings:
    outputs, every = run.program.outputs, run.pace.look
    queues = run.account.client("batch").describe_job_queues(jobQueues=[outputs["job_queue_name"]])["jobQueues"]
    capture = start_capture(run.account, queues[0]["jobQueueArn"], run.cleanup)
    deadline.sleep(run.pace.policy)
    script = f"sleep {run.pace.child}; test $AWS_BATCH_JOB_ARRAY_INDEX -ne 1"
    job_id = array_job.submit(run.account, outputs, f"{STACK}-array", 3, script)
    return array_job.watch(run.account, outputs, job_id, capture, deadline, every)


def send_test(run: Run, deadline: Deadline) -> Findings:
    code, answer = run.program.batchbell("send-test", *_function(run), limit=deadline.left)
    return _good(code == 0, {"exit_code": code, **answer})


def _function(run: Run) -> tuple[str, ...]:
    return "--function", str(run.program.outputs["function_name"]), "--region", run.account.region


def _good(is_good: bool, findings: Findings) -> Findings:
    if not is_good:
        raise StepFailed("the answer is not the expected one", findings)
    return findings


def broken_intake(run: Run, deadline: Deadline) -> Findings:
    return _broken(run, deadline, ["intake"], "InvocationsSentToDlq")


def broken_both(run: Run, deadline: Deadline) -> Findings:
    return _broken(run, deadline, ["intake", "dead_letter"], "InvocationsFailedToBeSentToDlq", "finished-lost")


def _broken(run: Run, deadline: Deadline, purposes: Sequence[str], metric: str, alarm: str = "") -> Findings:
    """Let an array end while EventBridge may not send to these queues, and read the rule's metrics.

    alarm: a part of the name of the alarm that should notice, if one should
    """
    account, pace, outputs = run.account, run.pace, run.program.outputs
    rule = str(outputs["rule_arn"]).rpartition("/")[2]
    urls = [str(outputs[f"{purpose}_queue_url"]) for purpose in purposes]
    with broken_policy.without_permission(account.client("sqs"), urls):
        deadline.sleep(pace.policy)
        since = datetime.now(UTC)
        job_id = array_job.submit(account, outputs, f"{STACK}-broken", 2, "true")
        status = array_job.wait_until_ended(account, job_id, deadline, pace.look)
        metrics = broken_policy.wait_for_metric(
            account, rule, metric, since, deadline, at_most=pace.metric, every=pace.look
        )
    states = broken_policy.alarm_states(account, f"{STACK}-")
    end = time.monotonic() + pace.alarm
    while alarm and not _is_on(alarm, states) and time.monotonic() < end:
        deadline.sleep(pace.look)
        states = broken_policy.alarm_states(account, f"{STACK}-")
    return {"queues": list(purposes), "job_status": status, **metrics, "alarms": states}


def _is_on(alarm: str, states: Mapping[str, str]) -> bool:
    return any(alarm in name and state == "ALARM" for name, state in states.items())


def redrive(run: Run, deadline: Deadline) -> Findings:
    deadline.sleep(run.pace.policy)  # until the restored policies surely apply
    before = _status_when(run, deadline, lambda status: status["dead_letters"]["total"] > 0)
    code, moved = run.program.batchbell("redrive", *_function(run), limit=deadline.left)
    after = _status_when(run, deadline, _is_quiet)
    return _good(code == 0, {"status_before": before, "redrive": {"exit_code": code, **moved}, "status_after": after})


def _is_quiet(status: Mapping[str, Any]) -> bool:
    counts = [queue[kind] for queue in status["queues"].values() for kind in ("waiting", "in_flight", "delayed")]
    return not any(counts) and not status["dead_letters"]["total"]


def _status_when(run: Run, deadline: Deadline, reached: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
    function = _function(run)
    while True:
        _, status = run.program.batchbell("status", *function, limit=deadline.left)
        if reached(status):
            return dict(status)
        deadline.sleep(run.pace.status)


def destroy(run: Run, deadline: Deadline) -> Findings:
    removed = clean_up(run)
    return _good(all(one["outcome"] == "ok" for one in removed), {"removed": removed})


def clean_up(run: Run) -> list[dict[str, Any]]:
    """Remove what the run made; Ctrl-C does not interrupt that."""
    with _undisturbed(run.tell):
        return run.cleanup.run()


@contextmanager
def _undisturbed(tell: Tell) -> Iterator[None]:
    def answer(*_: object) -> None:
        tell("still removing what this run made; if you kill it, --clean-up removes the rest")

    earlier = {number: signal.signal(number, answer) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def leftovers(run: Run, deadline: Deadline) -> Findings:
    """AWS lists some resources for minutes after they are deleted."""
    started, end = time.monotonic(), time.monotonic() + run.pace.gone
    while set(left := find_leftovers(run.account)) - KEPT_BY_AWS and time.monotonic() < end:
        deadline.sleep(run.pace.look)
    return {"after_seconds": round(time.monotonic() - started, 1), "left": left}


STEPS = (
    Step(
        "check",
        "reads the versions of the tools and the subnets of the default VPC",
        "nothing",
        2 * MINUTE,
        check,
        ends_run=True,
    ),
    Step(
        "up",
        "deploys the stack first-deploy: queues, ledger, function, rules, alarms, an SNS topic without subscribers, "
        "and a Batch environment on Fargate in the default VPC",
        "some cents an hour for alarms and metrics; nothing runs",
        20 * MINUTE,
        up,
        ends_run=True,
    ),
    Step("preview", "previews the stack again: it must have no changes", "nothing", 5 * MINUTE, preview),
    Step(
        "array",
        "makes a temporary rule and queue, runs an array of three with one failure, and keeps the parent's events and "
        "what ListJobs says meanwhile",
        "less than 1 cent: three Fargate tasks of 0.25 vCPU for a minute",
        20 * MINUTE,
        array,
    ),
    Step(
        "send-test",
        "sends a test message through queue, function and topic",
        "nothing to speak of",
        5 * MINUTE,
        send_test,
    ),
    Step(
        "broken-intake",
        "takes EventBridge's permission from the intake queue, lets an array of two end, reads the rule's metrics, and "
        "gives the permission back",
        "less than 1 cent",
        30 * MINUTE,
        broken_intake,
    ),
    Step(
        "redrive",
        "shows the dead letter of the step before, and sends it again",
        "nothing to speak of",
        10 * MINUTE,
        redrive,
    ),
    Step(
        "broken-both",
        "the same with the dead-letter queue, too: the event is lost, which an alarm must notice",
        "less than 1 cent",
        35 * MINUTE,
        broken_both,
    ),
    Step(
        "refresh",
        "previews the stack with a refresh: AWS must have what the stack has, the permissions among it",
        "nothing",
        5 * MINUTE,
        refresh,
    ),
    Step("destroy", "removes the temporary rule and queue, and destroys the stack", "nothing", DESTROY_LIMIT, destroy),
    Step(
        "leftovers",
        "lists what is left, by the stack's tag and the prefix of its names",
        "nothing",
        5 * MINUTE,
        leftovers,
    ),
)
