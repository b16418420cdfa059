"""Measures what a message costs in AWS calls and in processor time of the function."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from bench.batch_events import Event, failed_child_summaries, parent_event, sqs_records
from bench.canned_responses import SENDS
from bench.function_harness import CHANNELS, FunctionHarness, start_harness
from bench.function_process import FunctionProcess
from bench.instant_endpoint import RecordedRequest
from bench.measurement import Check, Measurement, RunOptions, Table

TITLE = "Calls per message"
INVOCATIONS = 60
BATCH_SIZE = 10  # jobs in one invocation: the batch size of the intake's event source mapping
CLAIM, COMMIT = "claim", "commit"
FAILED_CHILDREN = 3


def measure(options: RunOptions) -> Measurement:
    with start_harness(options) as harness, harness.warm_process(harness.unpack("full", *CHANNELS)) as function:
        first = _count(harness, function, [parent_event("first")])
        used = function.processor_seconds()
        invocations = options.repetitions(INVOCATIONS)
        one = sum((_count(harness, function, [parent_event("bench")]) for _ in range(invocations)), Counter())
        used = function.processor_seconds() - used
        harness.endpoint.set_failed_children(failed_child_summaries("bench", FAILED_CHILDREN, reasons=1))
        failed = _count(harness, function, [parent_event("bench", failed=FAILED_CHILDREN)])
        many = _count(harness, function, [parent_event("bench") for _ in range(BATCH_SIZE)])
    messages = invocations * len(CHANNELS)
    sends = sum(one[action] for action in SENDS)
    others = one.total() - one[CLAIM] - one[COMMIT] - sends
    milliseconds = used / messages * 1000
    return Measurement(
        checks=[
            Check("ledger claims per message", one[CLAIM] / messages, 1, exact=True),
            Check("ledger commits per message", one[COMMIT] / messages, 1),
            Check("sends per message", sends / messages, 1, exact=True),
            Check("other calls per invocation, without failures or tickets", others / invocations, 0, exact=True),
        ],
        shown={"processor time per message": f"{milliseconds:.1f} ms in the function, TLS included"},
        tables=[
            Table(
                "Calls in one invocation, all three channels",
                [
                    "action",
                    "first of a process",
                    "one job",
                    f"one job, {FAILED_CHILDREN} children failed",
                    f"{BATCH_SIZE} jobs at once",
                ],
                _rows([first, Counter({name: count // invocations for name, count in one.items()}), failed, many]),
            )
        ],
        figures={
            "first": dict(first),
            "one": {name: count / invocations for name, count in one.items()},
            "failed": dict(failed),
            "many": dict(many),
            "processor_ms": milliseconds,
        },
    )


def _count(harness: FunctionHarness, function: FunctionProcess, events: Sequence[Event]) -> Counter[str]:
    harness.endpoint.take_requests()
    function.runtime.invoke(sqs_records(*events))
    return count_actions(harness.endpoint.take_requests())


def count_actions(requests: Sequence[RecordedRequest]) -> Counter[str]:
    """Count requests by action, and updates of the ledger as claims and commits."""
    return Counter(_name(request) for request in requests)


def _name(request: RecordedRequest) -> str:
    for begin, step in (("SET #token", CLAIM), ("SET #sent", COMMIT)):
        if request.action == "dynamodb:UpdateItem" and f'"UpdateExpression": "{begin}' in request.body:
            return step
    return request.action


def _rows(counts: Sequence[Mapping[str, int]]) -> list[list[str]]:
    actions = sorted({action for each in counts for action in each}, key=lambda name: (":" in name, name))
    names = {CLAIM: "ledger: claim", COMMIT: "ledger: commit", "slack": "Slack: post"}
    return [[names.get(action, action), *(str(each.get(action, 0)) for each in counts)] for action in actions]
