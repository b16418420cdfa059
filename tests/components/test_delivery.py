"""The queues of a delivery, as the program registers them."""

from __future__ import annotations

import pytest

from tests.judges.registered import record

QUEUE, MAPPING = "aws:sqs/queue:Queue", "aws:lambda/eventSourceMapping:EventSourceMapping"
QUIET = 20  # s that a mapping with a window may collect (Lambda Developer Guide, "Batching behavior")
CONFIG = {
    "job_queue_arns": ["arn:aws:batch:us-east-1:123456789012:job-queue/nightly"],
    "notifiers": [{"type": "slack", "name": "ops", "webhook": {"config": "slackWebhook"}}],
}


@pytest.mark.parametrize("timeout", [3, 5, 30, 120])
def test_a_record_stays_hidden_while_its_mapping_collects_and_for_six_timeouts(timeout):
    recording = record(CONFIG | {"function_timeout": timeout})
    hidden = {one.outputs["arn"]: one.inputs.get("visibilityTimeoutSeconds") for one in recording.of_type(QUEUE)}
    mappings = recording.of_type(MAPPING)

    assert len(mappings) == 2
    for mapping in mappings:
        window = mapping.inputs["maximumBatchingWindowInSeconds"]
        gathering = max(window, QUIET) if window else 0
        assert hidden[mapping.inputs["eventSourceArn"]] >= max(6 * timeout + gathering, 30 + timeout)


def test_the_ledgers_index_has_the_form_of_keys_without_a_perpetual_change():
    (ledger,) = record(CONFIG).of_type("aws:dynamodb/table:Table")
    (index,) = ledger.inputs["globalSecondaryIndexes"]

    assert (index.get("hashKey"), index.get("rangeKey"), index.get("keySchemas")) == ("notifier", "sent", None)


@pytest.mark.parametrize("protect", [False, True])
def test_what_messages_are_in_is_protected_where_the_stack_asks_for_it(protect):
    recording = record(CONFIG | {"protect": protect})
    protected = sorted(one.name for one in recording.resources if one.protect)

    assert protected == (["bell-dead-letters", "bell-intake", "bell-ledger", "bell-retry"] if protect else [])
