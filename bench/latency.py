"""From an event on the bus to the messages on all three channels, on local AWS, and where the time goes.

The arrays have failed children in local Batch, so that there is something to look up.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median

from bench.finding import Check, Finding, Order
from bench.local_stack import LocalStack, deploy, wait_until

TITLE = "Event to message"
ROUNDS = 15
BOUND = 0.6  # seconds
CHILDREN = 2
OTHER_QUEUE = "bench"  # a job queue that the stack does not watch: what really runs there tells nobody


@dataclass(frozen=True)
class Way:
    """Seconds. `queue`: from the bus to the function's start; `look_up`: until the message is composed; `channels`:
    until the last of the three is sent and in the ledger."""

    queue: float
    look_up: float
    channels: float

    @property
    def whole(self) -> float:
        return self.queue + self.look_up + self.channels


def measure(order: Order) -> Finding:
    rounds = order.times(ROUNDS)
    with deploy(order.project) as stack:
        window = _window(stack)
        jobs = _run_failing(stack, rounds + 1)
        first, *ways = [_follow(stack, job_id, number) for number, job_id in enumerate(jobs)]
    whole = median(way.whole for way in ways)
    parts = {part: median(getattr(way, part) for way in ways) for part in ("queue", "look_up", "channels")}
    return Finding(
        checks=[
            Check("event on the bus → all three channels, median", whole, BOUND, "s"),
            Check("the intake mapping's batching window", window, 0, "s", exact=True),
        ],
        shown={
            "of which": f"queue {_ms(parts['queue'])}, look-up {_ms(parts['look_up'])}, "
            f"channels with the ledger {_ms(parts['channels'])} (medians)",
            "the first one, which starts the process": _ms(first.whole),
        },
        figures={"whole": whole, **parts, "first": first.whole, "each": [way.whole for way in ways]},
    )


def _window(stack: LocalStack) -> float:
    mappings = stack.cloud.client("lambda").list_event_source_mappings(FunctionName=stack.outputs["function_name"])
    (window,) = (
        mapping["MaximumBatchingWindowInSeconds"]
        for mapping in mappings["EventSourceMappings"]
        if "-intake-" in mapping["EventSourceArn"]
    )
    return float(window)


def _run_failing(stack: LocalStack, number: int) -> list[str]:
    """Real array jobs whose children all fail; their ids."""
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

    wait_until(all_failed, patience=60)
    return ids


def _follow(stack: LocalStack, job_id: str, number: int) -> Way:
    """One event, alone."""
    event = stack.finish(f"bench-{number}", size=CHILDREN, failed=CHILDREN, job_id=job_id)
    known = len(stack.invocations())
    raised = time.time()
    stack.raise_all([event])
    stack.sink.wait_for(number + 1, timeout=30)
    stack.come_to_rest()
    wait_until(lambda: len(stack.invocations()) > known, patience=10)
    invocation = stack.invocations()[-1]
    if invocation.parsed is None or invocation.settled is None:
        raise RuntimeError("the function's log does not tell of the job")
    return Way(invocation.began - raised, invocation.parsed - invocation.began, invocation.settled - invocation.parsed)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
