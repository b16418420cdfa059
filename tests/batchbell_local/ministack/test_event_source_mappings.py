from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from batchbell_local.cloud import LocalCloud
from tests.waiting import FACTOR

TIMEOUT = 2 * FACTOR  # seconds, of the function, and of the queues whose records come back
PLACE = "arn:aws:sqs:us-east-1:123456789012"
ACTIONS = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
LONG = 300  # seconds, the longest window; records that arrive in time have not waited for it

# Prints a line for each batch. If the first record's body has an `answer`, the handler returns it on the first receipt.
SHOW_BATCHES = """
import json, time

def handler(event, context):
    records, started = event.get("Records"), time.time()
    if not records:
        return
    bodies = [record["body"] for record in records]
    time.sleep(1 if bodies[0] == "slow" else 0)
    print(json.dumps({
        "queue": records[0]["eventSourceARN"].rpartition(":")[2],
        "bodies": [body[:40] for body in bodies],
        "receipts": [int(record["attributes"]["ApproximateReceiveCount"]) for record in records],
        "time": [started, time.time()],
    }))
    if bodies[0] == "fail":
        raise ValueError("as requested")
    order = json.loads(bodies[0]) if bodies[0].startswith("{") else {}
    if "answer" in order and records[0]["attributes"]["ApproximateReceiveCount"] == "1":
        named = json.dumps(order["answer"]).replace("FIRST", records[0]["messageId"])
        return json.loads(named)
"""


class Source:
    """A queue, and a mapping that passes its messages to a function."""

    def __init__(self, cloud: LocalCloud, function: Any, visibility: int = 30) -> None:
        self._cloud, self._function = cloud, function
        self.name = f"queue-{uuid.uuid4().hex[:8]}"
        self.arn = f"{PLACE}:{self.name}"
        self.sqs = cloud.client("sqs")
        attributes = {"VisibilityTimeout": str(visibility)}
        self.url = self.sqs.create_queue(QueueName=self.name, Attributes=attributes)["QueueUrl"]

    def map(self, **options: Any) -> str:
        mapping = self._cloud.client("lambda").create_event_source_mapping(
            EventSourceArn=self.arn,
            FunctionName=self._function.name,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            **options,
        )
        return str(mapping["UUID"])

    def send(self, *bodies: str) -> None:
        for start in range(0, len(bodies), 10):
            entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[start : start + 10])]
            answer = self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)
            assert not answer.get("Failed")

    def batches(self) -> list[dict[str, Any]]:
        """The batches that the function was invoked with, in the order in which it began with them."""
        lines = (json.loads(line) for line in self._function.log_lines() if line.startswith("{"))
        return sorted((line for line in lines if line["queue"] == self.name), key=lambda line: line["time"])

    def count(self, kind: str = "") -> int:
        name = f"ApproximateNumberOfMessages{kind}"
        answer = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=[name])
        return int(answer["Attributes"][name])


@pytest.fixture(scope="module")
def function(deploy: Any) -> Any:
    rights = {"Effect": "Allow", "Action": ACTIONS, "Resource": f"{PLACE}:queue-*"}
    shows_batches = deploy(SHOW_BATCHES, statements=[rights], timeout=TIMEOUT)
    shows_batches.invoke({})  # now it has a log
    return shows_batches


@pytest.fixture
def source(cloud: LocalCloud, function: Any) -> Source:
    return Source(cloud, function)


Wait = Callable[..., None]


def test_a_window_collects_more_than_ten_records_for_one_invocation(source: Source, wait_until: Wait) -> None:
    source.send(*(str(number) for number in range(35)))  # first, since a busy machine may take longer than a window
    source.map(BatchSize=100, MaximumBatchingWindowInSeconds=2)
    wait_until(source.batches, "invoked")

    assert [batch["bodies"] for batch in source.batches()] == [[str(number) for number in range(35)]]
    wait_until(lambda: source.count("NotVisible") == 0, "deleted")


def test_a_batch_that_is_full_does_not_wait_for_the_end_of_the_window(source: Source, wait_until: Wait) -> None:
    source.map(BatchSize=20, MaximumBatchingWindowInSeconds=LONG)
    source.send(*(str(number) for number in range(45)))
    wait_until(lambda: len(source.batches()) == 2, "two batches")

    wait_until(lambda: source.count("NotVisible") == 5, "the rest gathered")

    assert [len(batch["bodies"]) for batch in source.batches()] == [20, 20]


def test_a_window_begins_with_its_first_record_and_not_with_the_last(source: Source, wait_until: Wait) -> None:
    source.map(BatchSize=1_000, MaximumBatchingWindowInSeconds=2)

    def invoked_while_more_comes() -> bool:
        source.send("more")
        return bool(source.batches())

    wait_until(invoked_while_more_comes, "invoked")
    assert len(source.batches()[0]["bodies"]) > 2


def test_a_mapping_that_collects_does_not_delay_others(cloud: LocalCloud, function: Any, wait_until: Wait) -> None:
    patient, quick = Source(cloud, function), Source(cloud, function)
    patient.map(BatchSize=100, MaximumBatchingWindowInSeconds=LONG)
    quick.map(BatchSize=10)
    patient.send("gathered")
    wait_until(lambda: patient.count("NotVisible") == 1, "gathered")
    quick.send("at once")
    wait_until(quick.batches, "invoked")

    assert (patient.batches(), patient.count("NotVisible")) == ([], 1)


def test_a_batch_is_complete_when_the_next_record_would_exceed_the_payload_limit(
    source: Source, wait_until: Wait
) -> None:
    source.map(BatchSize=100, MaximumBatchingWindowInSeconds=LONG)
    for _ in range(8):
        source.send("x" * 900_000)
    wait_until(source.batches, "invoked", timeout=20)

    assert [len(batch["bodies"]) for batch in source.batches()] == [6]
    wait_until(lambda: source.count("NotVisible") == 2, "the rest gathered")


def test_collecting_uses_up_the_visibility_timeout(cloud: LocalCloud, function: Any, wait_until: Wait) -> None:
    source = Source(cloud, function, visibility=TIMEOUT)
    source.map(BatchSize=100, MaximumBatchingWindowInSeconds=TIMEOUT + 2)
    source.send("gathered")
    wait_until(source.batches, "invoked", timeout=20)

    (batch,) = source.batches()
    assert batch["receipts"][0] >= 2  # it had come back before the window was over


def test_a_mapping_with_a_window_collects_longer_from_a_quiet_queue(
    cloud: LocalCloud, deploy: Any, wait_until: Wait
) -> None:
    rights = {"Effect": "Allow", "Action": ACTIONS, "Resource": f"{PLACE}:queue-*"}
    patient = deploy(SHOW_BATCHES, statements=[rights], timeout=6)  # so 4 s
    patient.invoke({})
    quiet, busy = Source(cloud, patient), Source(cloud, patient)
    for one in (quiet, busy):
        one.map(BatchSize=100, MaximumBatchingWindowInSeconds=1)
    sent = time.time()
    quiet.send("alone")
    busy.send(*map(str, range(10)))
    wait_until(lambda: quiet.batches() and busy.batches(), "both invoked", timeout=30)

    assert busy.batches()[0]["time"][0] < quiet.batches()[0]["time"][0]
    assert quiet.batches()[0]["time"][0] >= sent + 4


def test_what_comes_back_while_a_mapping_is_disabled_is_received_again(
    cloud: LocalCloud, function: Any, wait_until: Wait
) -> None:
    source, functions = Source(cloud, function, visibility=TIMEOUT), cloud.client("lambda")
    mapping = source.map(BatchSize=100, MaximumBatchingWindowInSeconds=1)
    source.send("gathered")
    wait_until(lambda: source.count("NotVisible") == 1, "gathered")
    functions.update_event_source_mapping(UUID=mapping, Enabled=False)
    wait_until(lambda: source.count() == 1, "back")
    functions.update_event_source_mapping(UUID=mapping, Enabled=True)
    wait_until(source.batches, "invoked")

    assert [(batch["bodies"], batch["receipts"]) for batch in source.batches()] == [(["gathered"], [2])]


def test_what_is_purged_while_a_mapping_gathers_is_not_passed_on(source: Source, wait_until: Wait) -> None:
    source.map(BatchSize=2, MaximumBatchingWindowInSeconds=LONG)
    source.send("purged")
    wait_until(lambda: source.count("NotVisible") == 1, "gathered")
    source.sqs.purge_queue(QueueUrl=source.url)
    source.send("first", "second")
    wait_until(source.batches, "invoked")

    assert source.batches()[0]["bodies"] == ["first", "second"]


def test_no_more_batches_run_at_a_time_than_the_mapping_allows(source: Source, wait_until: Wait) -> None:
    options = {"MaximumBatchingWindowInSeconds": 1, "ScalingConfig": {"MaximumConcurrency": 2}}
    source.map(BatchSize=15, **options)
    source.send(*(["slow"] * 60))
    wait_until(lambda: len(source.batches()) == 4, "four batches", timeout=20)

    times = [batch["time"] for batch in source.batches()]
    at_once = [sum(start <= moment < end for start, end in times) for moment, _ in times]
    assert max(at_once) == 2


SUCCESSES: list[Any] = [None, {}, "", {"batchItemFailures": []}, {"batchItemFailures": None}]
FAILURES: list[Any] = [
    {"batchItemFailures": [{"itemIdentifier": "no record of this batch"}]},
    {"batchItemFailures": [{"itemIdentifier": "FIRST"}, {"itemIdentifier": ""}]},
    {"batchItemFailures": [{"itemIdentifier": None}]},
    {"batchItemFailures": [{"messageId": "FIRST"}]},
    {"batchItemFailures": ["FIRST"]},
    {"batchItemFailures": {"itemIdentifier": "FIRST"}},
    ["FIRST"],
    "no JSON",
]


def test_an_answer_that_lambda_cannot_take_fails_the_whole_batch(
    cloud: LocalCloud, function: Any, wait_until: Wait
) -> None:
    partial = {"batchItemFailures": [{"itemIdentifier": "FIRST"}]}
    answers = {Source(cloud, function, visibility=5 * FACTOR): answer for answer in (*SUCCESSES, *FAILURES, partial)}
    for source, answer in answers.items():
        source.map(BatchSize=2, MaximumBatchingWindowInSeconds=LONG)
        source.send(json.dumps({"answer": answer}))
    wait_until(lambda: all(source.count("NotVisible") == 1 for source in answers), "gathered")
    for source in answers:
        source.send("second")
    wait_until(lambda: all(source.batches() for source in answers), "each invoked", timeout=30)
    for source in answers:
        source.send("later")
    failing = [source for source, answer in answers.items() if answer in FAILURES]
    wait_until(lambda: all(len(source.batches()) == 2 for source in failing), "failed ones again", timeout=30)

    for source, answer in answers.items():
        again = source.batches()[1:]
        if answer in FAILURES:
            assert len(again[0]["bodies"]) == 2, answer
            assert max(again[0]["receipts"]) == 2, answer
        elif answer == partial:
            assert sorted(again[0]["receipts"]) == [1, 2], answer
        else:
            assert again == [], answer


@pytest.mark.parametrize("size", [11, 10_000])
def test_a_batch_above_ten_without_a_window_is_refused(cloud: LocalCloud, source: Source, size: int) -> None:
    functions = cloud.client("lambda")
    refusal = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
    with pytest.raises(functions.exceptions.InvalidParameterValueException, match=refusal):
        source.map(BatchSize=size)
    mapping = source.map(BatchSize=size, MaximumBatchingWindowInSeconds=1)
    with pytest.raises(functions.exceptions.InvalidParameterValueException, match=refusal):
        functions.update_event_source_mapping(UUID=mapping, MaximumBatchingWindowInSeconds=0)
    functions.update_event_source_mapping(UUID=mapping, MaximumBatchingWindowInSeconds=0, BatchSize=10)

    found = functions.get_event_source_mapping(UUID=mapping)
    assert (found["BatchSize"], found["MaximumBatchingWindowInSeconds"]) == (10, 0)
