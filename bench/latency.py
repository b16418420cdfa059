"""Measures, on local AWS, the time from an event on the bus to the messages on all three channels, and its parts.

The arrays have failed children in local Batch, so that there is something to look up.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median

from bench.local_stack import LocalStack, deploy, wait_until
from bench.measurement import Check, Measurement, RunOptions

TITLE = "Event to message"
ROUNDS = 15
BOUND = 0.6  # seconds
CHILDREN = 2
OTHER_QUEUE = "bench"  # a job queue that the stack does not watch: the jobs that really run there send no message


@dataclass(frozen=True)
class DeliveryTimes:
    """The parts of one delivery, in seconds.

    queue: from the bus to the function's start
    look_up: until the message is composed
    channels: until the last of the three sends is in the ledger
    """

    queue: float
    look_up: float
    channels: float

    @property
    def total(self) -> float:
        return self.queue + self.look_up + self.channels


def measure(options: RunOptions) -> Measurement:
    rounds = options.repetitions(ROUNDS)
    with deploy(options.project) as stack:
        window = _batching_window(stack)
        jobs = _run_failing_jobs(stack, rounds + 1)
        first, *deliveries = [_time_delivery(stack, job_id, number) for number, job_id in enumerate(jobs)]
    total = median(times.total for times in deliveries)
    parts = {part: median(getattr(times, part) for times in deliveries) for part in ("queue", "look_up", "channels")}
    return Measurement(
        checks=[
            Check("event on the bus → all three channels, median", total, BOUND, "s"),
            Check("the intake mapping's batching window", window, 0, "s", exact=True),
        ],
        shown={
            "parts (medians)": f"queue {_ms(parts['queue'])}, look-up {_ms(parts['look_up'])}, "
            f"channels with the ledger {_ms(parts['channels'])}",
            "the first event, which starts the process": _ms(first.total),
        },
        figures={"whole": total, **parts, "first": first.total, "each": [times.total for times in deliveries]},
    )


def _batching_window(stack: LocalStack) -> float:
    mappings = stack.cloud.client("lambda").list_event_source_mappings(FunctionName=stack.outputs["function_name"])
    (window,) = (
        mapping["MaximumBatchingWindowInSeconds"]
        for mapping in mappings["EventSourceMappings"]
        if "-intake-" in mapping["EventSourceArn"]
    )
    return float(window)


def _run_failing_jobs(stack: LocalStack, number: int) -> list[str]:
    """Run array jobs whose children all fail, and return their ids."""
    batch, outputs = stack.cloud.client("batch"), stack.outputs
    (queue,) = batch.describe_job_queues(jobQueues=[outputs["job_queue_name"]])["jobQueues"]
    batch.create_job_queue(
        jobQueueName=OTHER_QUEUE, priority=1, computeEnvironmentOrder=queue["computeEnvironmentOrder"]
    )
    ids = [
        batch.submit_job(
            jobName="bench",
            jobQueue=OTHER_QUEUE,
            jobDefinition=outputs["job_definition_name"],
            arrayProperties={"size": CHILDREN},
            containerOverrides={"command": ["false"]},
        )["jobId"]
        for _ in range(number)
    ]

    def all_failed() -> bool:
        return all(job["status"] == "FAILED" for job in batch.describe_jobs(jobs=ids)["jobs"])

    wait_until(all_failed, timeout=60)
    return ids


def _time_delivery(stack: LocalStack, job_id: str, number: int) -> DeliveryTimes:
    """Raise a single event and time its delivery."""
    event = stack.parent_event(f"bench-{number}", size=CHILDREN, failed=CHILDREN, job_id=job_id)
    known = len(stack.invocations())
    raised = time.time()
    stack.raise_all([event])
    stack.sink.wait_for(number + 1, timeout=30)
    stack.wait_until_idle()
    wait_until(lambda: len(stack.invocations()) > known, timeout=10)
    last = stack.invocations()[-1]
    if last.composed is None or last.delivered is None:
        raise RuntimeError("the function's log does not mention the job")
    return DeliveryTimes(last.started - raised, last.composed - last.started, last.delivered - last.composed)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
