"""What a message costs in calls of AWS, and in time of the function's processor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from bench.answers import SENDS
from bench.finding import Check, Finding, Order, Table
from bench.function_process import FunctionProcess
from bench.instant_endpoint import Asked
from bench.jobs import Event, as_records, failed_children, finish_array
from bench.rig import CHANNELS, Rig, set_up

TITLE = "Calls a message"
INVOCATIONS = 60
AT_ONCE = 10  # jobs of one invocation: as many as the intake's mapping hands over
CLAIM, COMMIT = "claim", "commit"
FEW = 3  # children that failed


def measure(order: Order) -> Finding:
    with set_up(order) as rig, rig.warm(rig.unpack("full", *CHANNELS)) as function:
        first = _count(rig, function, [finish_array("first")])
        used = function.processor_seconds()
        invocations = order.times(INVOCATIONS)
        one = sum((_count(rig, function, [finish_array("bench")]) for _ in range(invocations)), Counter())
        used = function.processor_seconds() - used
        rig.endpoint.let_fail(failed_children("bench", FEW, reasons=1))
        failed = _count(rig, function, [finish_array("bench", failed=FEW)])
        many = _count(rig, function, [finish_array("bench") for _ in range(AT_ONCE)])
    messages = invocations * len(CHANNELS)
    sends = sum(one[action] for action in SENDS)
    others = one.total() - one[CLAIM] - one[COMMIT] - sends
    milliseconds = used / messages * 1000
    return Finding(
        checks=[
            Check("claims of the ledger a message", one[CLAIM] / messages, 1, exact=True),
            Check("commits a message", one[COMMIT] / messages, 1),
            Check("sends a message", sends / messages, 1, exact=True),
            Check("other calls of an invocation without failures or tickets", others / invocations, 0, exact=True),
        ],
        shown={"processor time a message": f"{milliseconds:.1f} ms, of the function, TLS included"},
        tables=[
            Table(
                "Calls of one invocation, all three channels",
                [
                    "action",
                    "first of a process",
                    "one job",
                    f"one job, {FEW} children failed",
                    f"{AT_ONCE} jobs at once",
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


def _count(rig: Rig, function: FunctionProcess, events: Sequence[Event]) -> Counter[str]:
    rig.endpoint.take()
    function.runtime.invoke(as_records(*events))
    return count(rig.endpoint.take())


def count(asked: Sequence[Asked]) -> Counter[str]:
    """By action; the ledger's updates by what they do."""
    return Counter(_name(one) for one in asked)


def _name(asked: Asked) -> str:
    for begin, step in (("SET #token", CLAIM), ("SET #sent", COMMIT)):
        if asked.action == "dynamodb:UpdateItem" and f'"UpdateExpression": "{begin}' in asked.body:
            return step
    return asked.action


def _rows(counts: Sequence[Mapping[str, int]]) -> list[list[str]]:
    actions = sorted({action for each in counts for action in each}, key=lambda name: (":" in name, name))
    names = {CLAIM: "ledger: claim", COMMIT: "ledger: commit", "slack": "Slack: post"}
    return [[names.get(action, action), *(str(each.get(action, 0)) for each in counts)] for action in actions]
