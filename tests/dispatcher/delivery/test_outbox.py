from __future__ import annotations

import json
import threading
import time
import uuid

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from batchbell.dispatcher.delivery.outbox import Outbox, OutboxEntry
from batchbell.dispatcher.timing import Deadline


@pytest.fixture
def queues(cloud):
    """An outbox over two new queues, and what is in them."""
    sqs = cloud.client("sqs")
    urls = [
        sqs.create_queue(QueueName=f"{name}-{uuid.uuid4().hex[:8]}", Attributes={"MaximumMessageSize": "1048576"})[
            "QueueUrl"
        ]
        for name in ("retry", "dead")
    ]

    def bodies(url):
        found = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            found += [message["Body"] for message in messages]
        return sorted(found)

    return Outbox(sqs, *urls), lambda: bodies(urls[0]), lambda: bodies(urls[1])


def test_tickets_and_dead_letters_go_to_their_queues_in_batches(queues):
    outbox, retry, dead = queues
    letters = [OutboxEntry(f"ticket {number}", (f"r{number}",), delay=0) for number in range(23)]
    letters += [OutboxEntry(f"dead {number}", (f"d{number}",)) for number in range(11)]

    assert outbox.post(letters, Deadline.after(10)) == {}
    assert (len(retry()), len(dead())) == (23, 11)


def test_entries_that_are_too_large_together_are_sent_in_several_batches(queues):
    outbox, retry, _ = queues
    letters = [OutboxEntry(str(number) * 400_000, (f"r{number}",), delay=0) for number in range(5)]

    assert outbox.post(letters, Deadline.after(10)) == {}
    assert [len(body) for body in retry()] == [400_000] * 5


def test_the_records_of_an_entry_that_sqs_refuses_stay(queues):
    outbox, retry, _ = queues
    outbox = Outbox(outbox.client, outbox.retry_url, outbox.dead_letter_url + "-gone")
    letters = [OutboxEntry("dead", ("r1", "r2")), OutboxEntry("ticket", ("r3",), delay=0)]
    refused = outbox.post(letters, Deadline.after(10))

    assert set(refused) == {"r1", "r2"}
    assert "NonExistentQueue" in refused["r1"]
    assert retry() == ["ticket"]


def test_if_sqs_refuses_part_of_a_batch_only_those_records_stay():
    class Sqs:
        def send_message_batch(self, *, QueueUrl, Entries):
            refused = [entry["Id"] for entry in Entries if "odd" in entry["MessageBody"]]
            return {"Failed": [{"Id": id, "Code": "InvalidMessageContents", "SenderFault": True} for id in refused]}

    letters = [OutboxEntry(body, (body,), delay=0) for body in ("good", "odd", "better")]

    assert Outbox(Sqs(), "retry", "dead").post(letters, Deadline.after(10)) == {"odd": "InvalidMessageContents"}


@pytest.mark.parametrize("code", ["InternalError", "RequestThrottled"])
def test_what_sqs_does_not_take_at_first_is_sent_again_while_there_is_time(code):
    status = 500 if code == "InternalError" else 403
    problem = ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "SendMessageBatch")

    class Sqs:
        answers = iter([problem, ReadTimeoutError(endpoint_url="sqs"), "partly", None])

        def send_message_batch(self, *, QueueUrl, Entries):
            answer = next(self.answers)
            if isinstance(answer, Exception):
                raise answer
            return {"Failed": [{"Id": "1", "Code": "InternalError", "SenderFault": False}] if answer else []}

    entries = [OutboxEntry(str(number), (f"r{number}",), delay=0) for number in range(3)]

    assert Outbox(Sqs(), "retry", "dead").post(entries, Deadline.after(10)) == {}
    assert list(Sqs.answers) == []


def test_a_record_stays_if_sqs_takes_its_entry_in_no_attempt():
    class Sqs:
        def send_message_batch(self, **_):
            raise ReadTimeoutError(endpoint_url="sqs")

    entries = [OutboxEntry("x", ("r",), delay=0)]

    assert Outbox(Sqs(), "retry", "dead").post(entries, Deadline.after(0.3)) == {"r": "ReadTimeoutError"}


def test_what_sqs_refuses_for_good_is_not_sent_again():
    class Sqs:
        calls = 0

        def send_message_batch(self, **_):
            self.calls += 1
            denied = {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
            raise ClientError(denied, "SendMessageBatch")

    sqs = Sqs()

    assert Outbox(sqs, "retry", "dead").post([OutboxEntry("x", ("r",))], Deadline.after(10)) == {"r": "AccessDenied"}
    assert sqs.calls == 1


def test_a_slow_queue_takes_several_batches_at_the_same_time():
    all_are_sending = threading.Barrier(8)

    class Sqs:
        def send_message_batch(self, **_):
            all_are_sending.wait(10)
            return {}

    entries = [OutboxEntry(str(number), (f"r{number}",), delay=0) for number in range(80)]

    assert Outbox(Sqs(), "retry", "dead").post(entries, Deadline.after(60)) == {}


def test_without_time_nothing_is_sent_and_every_record_stays(queues):
    outbox, retry, dead = queues
    letters = [OutboxEntry("ticket", ("r1",), delay=0), OutboxEntry("dead", ("r2",))]

    assert outbox.post(letters, Deadline.after(0)) == {"r1": "no time left", "r2": "no time left"}
    assert (retry(), dead()) == ([], [])


def test_a_delay_is_kept(queues, cloud):
    outbox, retry, _ = queues
    outbox.post([OutboxEntry(json.dumps("later"), ("r1",), delay=600)], Deadline.after(10))
    counts = cloud.client("sqs").get_queue_attributes(
        QueueUrl=outbox.retry_url, AttributeNames=["ApproximateNumberOfMessagesDelayed"]
    )

    assert retry() == []
    assert counts["Attributes"]["ApproximateNumberOfMessagesDelayed"] == "1"


def test_what_sqs_takes_late_is_due_when_it_was_meant(monkeypatch):
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    asked = []

    class Sqs:
        def send_message_batch(self, *, QueueUrl, Entries):
            nonlocal now
            asked.append([entry["DelaySeconds"] for entry in Entries])
            if len(asked) < 3:
                now += 4.5
                raise ReadTimeoutError(endpoint_url="sqs")
            return {}

    entries = [OutboxEntry("x", ("r1",), delay=7), OutboxEntry("y", ("r2",), delay=600)]

    assert Outbox(Sqs(), "retry", "dead").post(entries, Deadline.after(20)) == {}
    assert asked == [[7, 600], [3, 596], [0, 591]]
