from __future__ import annotations

import uuid

from batchbell_local.cloud import LocalCloud


def test_delayed_messages_are_shown_and_made_due(cloud: LocalCloud) -> None:
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName=f"delayed-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=900)
    sqs.send_message(QueueUrl=url, MessageBody="now")
    before = {one["body"]: one["due"] for one in cloud.waiting_messages(url)}
    assert before["now"] == 0
    assert 800 < before["later"] <= 900

    assert cloud.make_due(url) == 1

    (first, second) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert {first["Body"], second["Body"]} == {"later", "now"}
    assert cloud.waiting_messages(url) == []  # both are in flight
