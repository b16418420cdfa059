"""The clients that the dispatcher calls: latency, errors, lost answers, the SDK's second attempt, death at any call.

Source: boto3 guide, "Retries" (standard mode: the second attempt waits for up to a second).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from tests.simulation.ledger_table import error
from tests.simulation.scheduler import Process

if TYPE_CHECKING:
    from tests.simulation.world import World

T = TypeVar("T")

BATCH_LIMIT, BODY_LIMIT = 10, 1_048_576  # SQS API reference, SendMessageBatch
OUTAGE = (20.0, 240.0)  # s that the ledger is down at a time
SQS_OUTAGE = (1.0, 90.0)  # s; shorter than a record's visibility timeout, so that no outage uses up its receives
SHARE = {  # of the calls that fail, while a kind of fault is on
    "ledger-throttled": 0.15,
    "ledger-lost-answers": 0.1,
    "sqs-errors": 0.1,
    "sqs-slow": 0.3,
    "look-ups": 0.5,
    "kill": 0.01,
}


@dataclass(eq=False)
class Network:
    """Between the function and AWS."""

    world: World

    def __post_init__(self) -> None:
        self._random = {kind: self.world.plan.random(f"network/{kind}") for kind in (*SHARE, "latency", "ledger-down")}
        self._shares = {kind: share if kind in self.world.plan.faults else 0.0 for kind, share in SHARE.items()}
        self._down = self._outages("ledger-down", OUTAGE) if "ledger-down" in self.world.plan.faults else []
        self._sqs_down = self._outages("sqs-errors", SQS_OUTAGE) if "sqs-errors" in self.world.plan.faults else []

    def _outages(self, kind: str, length: tuple[float, float]) -> list[tuple[float, float]]:
        random: Random = self._random[kind]
        seconds = self.world.plan.minutes * 60
        starts = [self.world.began + random.random() * seconds for _ in range(random.randint(1, 3))]
        return [(start, start + random.uniform(*length)) for start in starts]

    def call(
        self, process: Process, service: str, operation: str, timeout: float, attempts: int, effect: Callable[[], T]
    ) -> T:
        """Call AWS. Raises ClientError or BotoCoreError."""
        world = self.world
        what = f"{service}:{operation}"
        for attempt in range(attempts):
            if attempt:
                world.scheduler.wait(self._random["latency"].random())
            failure = self._fault(service, operation, timeout)
            if world.faulty and self._hits("kill"):
                self._kill(process, f"before {what}")
            world.scheduler.wait(0.002 + 0.02 * self._random["latency"].random())
            match failure:
                case "":
                    result = effect()
                    if world.faulty and self._hits("kill"):
                        self._kill(process, f"after {what}")
                    return result
                case "slow":
                    world.scheduler.wait(seconds := 0.9 * timeout * self._random["latency"].random())
                    world.say(f"{what} took {seconds:.1f} s")
                    return effect()
                case "lost":
                    effect()
                    world.scheduler.wait(timeout)
            world.say(f"{what}: {failure}")
            world.fault(service)
        raise _problem(failure, operation)

    def _fault(self, service: str, operation: str, timeout: float) -> str:
        """What happens to one attempt: nothing, or a word for it."""
        if not self.world.faulty:
            return ""
        now = self.world.scheduler.now
        if service == "dynamodb":
            if self._down and any(start <= now < end for start, end in self._down):
                return self._random["ledger-down"].choice(("InternalServerError", "unreachable"))
            if self._hits("ledger-throttled"):
                return "ProvisionedThroughputExceededException"
            if self._hits("ledger-lost-answers"):
                return self._random["ledger-lost-answers"].choice(("lost", "lost", "cut"))
        elif service == "sqs":
            if self._sqs_down and any(start <= now < end for start, end in self._sqs_down):
                return self._random["sqs-errors"].choice(("InternalError", "unreachable"))
            if self._hits("sqs-errors"):
                return self._random["sqs-errors"].choice(("lost", "lost", "cut", "InternalError"))
            if self._hits("sqs-slow"):
                return "slow"
        elif self._hits("look-ups"):
            return self._random["look-ups"].choice(("AccessDeniedException", "TooManyRequestsException", "slow", "cut"))
        return ""

    def _hits(self, kind: str) -> bool:
        share = self._shares[kind]
        return share > 0 and self._random[kind].random() < share

    def _kill(self, process: Process, where: str) -> None:
        self.world.function.kill(process, f"killed {where}")
        self.world.scheduler.leave()


def _problem(failure: str, operation: str) -> Exception:
    """What boto3 raises after its last attempt."""
    kinds = {"lost": ReadTimeoutError, "cut": ConnectionClosedError, "unreachable": EndpointConnectionError}
    problem: Exception = (
        kinds[failure](endpoint_url="https://simulated") if failure in kinds else error(failure, operation)
    )
    return problem


@dataclass(frozen=True, eq=False)
class Ledger:
    """DynamoDB's client of one process."""

    network: Network
    process: Process
    timeout: float

    def update_item(self, **request: Any) -> Any:
        table = self.network.world.table
        return self._call("UpdateItem", lambda: table.update_item(**request))

    def transact_write_items(self, **request: Any) -> Any:
        token = f"{self.process.name}/{self.network.world.next_number()}"
        table = self.network.world.table
        return self._call("TransactWriteItems", lambda: table.transact_write_items(token=token, **request))

    def query(self, **request: Any) -> Any:
        return self._call("Query", lambda: self.network.world.table.query(**request))

    def _call(self, operation: str, effect: Callable[[], T]) -> T:
        return self.network.call(self.process, "dynamodb", operation, self.timeout, 2, effect)


@dataclass(frozen=True, eq=False)
class Sqs:
    """SQS's client of one process."""

    network: Network
    process: Process
    timeout: float

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> Any:
        assert 0 < len(Entries) <= BATCH_LIMIT and len({one["Id"] for one in Entries}) == len(Entries)
        assert sum(len(one["MessageBody"].encode()) for one in Entries) <= BODY_LIMIT
        return self.network.call(
            self.process, "sqs", "SendMessageBatch", self.timeout, 2, lambda: self._take(QueueUrl, Entries)
        )

    def _take(self, url: str, entries: Sequence[Mapping[str, Any]]) -> Any:
        world = self.network.world
        failed = []
        for one in entries:
            if world.faulty and self.network._hits("sqs-errors"):
                world.fault("sqs")
                failed.append({"Id": one["Id"], "Code": "InternalError", "SenderFault": False})
                continue
            assert 0 <= one["DelaySeconds"] <= 900
            world.take_letter(self.process, url, one["MessageBody"], one["DelaySeconds"])
        sent = [{"Id": one["Id"]} for one in entries if one["Id"] not in {bad["Id"] for bad in failed}]
        return {"Successful": sent, "Failed": failed}


@dataclass(frozen=True, eq=False)
class Batch:
    """Batch's client of one process: each failed array has one failed child."""

    network: Network
    process: Process
    timeout: float

    def list_jobs(self, *, arrayJobId: str, **_: Any) -> Any:
        child = {"jobId": f"{arrayJobId}:0", "arrayProperties": {"index": 0}, "statusReason": "Essential container"}
        return self._call("ListJobs", {"jobSummaryList": [child]})

    def describe_jobs(self, *, jobs: Sequence[str]) -> Any:
        return self._call("DescribeJobs", {"jobs": [{"jobId": one, "container": {}} for one in jobs]})

    def _call(self, operation: str, answer: Any) -> Any:
        return self.network.call(self.process, "batch", operation, self.timeout, 1, lambda: answer)


__all__ = ["Batch", "ClientError", "Ledger", "Network", "Sqs"]
