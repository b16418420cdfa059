"""What a sweep reads from AWS's lists, and what it remembers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchbell.contract import Progress
from batchbell.dispatcher.timing import Deadline
from batchbell.dispatcher.watch.forecast import forecast
from batchbell.dispatcher.watch.memory import Memory, Seen
from batchbell.dispatcher.watch.predicates import running_since, warnings_about
from batchbell.dispatcher.watch.rows import Rows
from batchbell.dispatcher.watch.running_array import RunningArray
from batchbell.dispatcher.watch.watching import Rules, Watching
from tests.dispatcher.watch.world import QUEUE, Array, Table

NOW = 1_800_000_000.0


def read(counts, **fields):
    array = RunningArray.from_json(Array(counts, **fields).summary(), QUEUE)
    assert array is not None
    return array


def test_a_parent_in_a_list_is_a_running_array():
    array = read({"SUCCEEDED": 3, "FAILED": 2, "RUNNING": 10, "STARTING": 1, "RUNNABLE": 84}, counted=NOW)

    assert array.progress == Progress(total=100, finished=5, failed=2, started=16)
    assert (array.job.name, array.job.queue_name, array.job.definition_name) == (
        "nightly-render",
        "nightly",
        "render:12",
    )
    assert array.updated_at == NOW
    assert array.is_under_way


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"jobId": "1", "jobName": "single", "status": "PENDING"},
        {"jobId": "1", "status": "PENDING", "arrayProperties": {"index": 3}},
        {"jobId": "1", "status": "PENDING", "arrayProperties": {"size": 0}},
        {"jobId": "1", "arrayProperties": {"size": 3}},
        {"status": "PENDING", "arrayProperties": {"size": 3}},
        {"jobId": "1", "status": "PENDING", "arrayProperties": {"size": "3"}},
        {"jobId": "1", "status": "PENDING", "arrayProperties": None},
    ],
)
def test_what_is_no_array_is_none(fields):
    assert RunningArray.from_json(fields, QUEUE) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ("jobId", "jobArn", "jobName", "status", "createdAt", "startedAt", "stoppedAt", "jobDefinition")


@given(
    st.fixed_dictionaries({name: JSON for name in FIELDS}),
    st.dictionaries(st.sampled_from(["FAILED", "RUNNING", "SUCCEEDED", "ODD"]), JSON),
    JSON,
)
def test_odd_values_of_aws_are_never_a_crash(fields, counts, updated):
    properties = {"size": 10, "statusSummary": counts, "statusSummaryLastUpdatedAt": updated}
    array = RunningArray.from_json({**fields, "arrayProperties": properties}, QUEUE)
    if array is not None:
        rules = Rules(20, 5, (("*", 60.0),), 60.0)
        seen = Seen().then(array, NOW)
        assert isinstance(warnings_about(array, seen, rules, NOW), tuple)
        forecast(array, seen, NOW)


def test_the_first_sweep_that_sees_a_child_start_remembers_when():
    queued, running = read({"RUNNABLE": 100}), read({"RUNNING": 1, "RUNNABLE": 99})
    seen = Seen().then(queued, NOW)
    assert running_since(queued, seen) is None

    seen = seen.then(running, NOW + 60).then(running, NOW + 120)
    assert running_since(running, seen) == NOW + 60
    assert running_since(read({"RUNNING": 1}, started=NOW - 5), seen) == NOW - 5


def test_an_older_sweep_does_not_move_the_memory_back():
    table, arn = Table(), Array({}).arn
    memory = Memory(Rows(table, "ledger"))
    newer, older = Seen(NOW, 20, 30, NOW + 100), Seen(NOW + 50, 10, 20, NOW + 50)
    for seen in (newer, older):
        memory.write({arn: seen}, NOW, Deadline.after(5))

    assert memory.read([arn], Deadline.after(5)) == {arn: newer}


def test_other_numbers_count_from_when_aws_counted_them_or_from_now_on():
    seen = Seen(NOW, 5, 10, NOW)

    def moved(counted):
        return seen.then(read({"SUCCEEDED": 6, "RUNNING": 4}, counted=counted), NOW + 900).moved

    assert moved(NOW + 600) == NOW + 600
    assert moved(NOW - 600) == NOW + 900  # before the last movement
    assert moved(NOW + 2_000) == NOW + 900  # in the future
    assert seen.then(read({"SUCCEEDED": 4, "RUNNING": 6}), NOW + 900) == seen  # older than what was seen


def test_rows_that_dynamodb_leaves_out_are_asked_for_again():
    table, arns = Table(), [Array({}).arn for _ in range(150)]
    memory = Memory(Rows(table, "ledger"))
    memory.write({arn: Seen(NOW, 1, 2, NOW) for arn in arns}, NOW, Deadline.after(5))
    table.keeps_back = 40

    assert memory.read(arns, Deadline.after(5)) == dict.fromkeys(arns, Seen(NOW, 1, 2, NOW))
    assert table.calls["BatchGetItem"] == 3


def test_a_row_of_a_later_version_is_read():
    table, arn = Table(), Array({}).arn
    table.rows[f"{arn}#WATCHED", " watch"] = {
        **{"message": {"S": f"{arn}#WATCHED"}, "notifier": {"S": " watch"}},
        **{"moved": {"N": "5"}, "other": {"S": "x"}},
    }

    assert Memory(Rows(table, "ledger")).read([arn], Deadline.after(5)) == {arn: Seen(None, 0, 0, 5.0)}


@pytest.mark.parametrize("child", [60, 600, 3_600])
@pytest.mark.parametrize("wave", range(3, 10))
@pytest.mark.parametrize("part", [0.0, 0.5, 0.99])
def test_a_forecast_is_within_a_fifth_of_the_truth(child, wave, part):
    """100 children, 10 at a time, each of which takes so many seconds."""
    array = read({"SUCCEEDED": wave * 10, "RUNNING": 10, "RUNNABLE": 90 - wave * 10}, started=NOW, counted=NOW)
    now = NOW + (wave + part) * child
    expected = forecast(RunningArray(array.job, now), Seen(), now)

    assert expected is not None
    assert expected.ends - NOW == pytest.approx(10 * child, rel=0.2)


def test_a_forecast_from_a_summary_that_lags_is_for_the_time_of_the_summary():
    array = read({"SUCCEEDED": 50}, started=NOW, counted=NOW + 600)
    expected = forecast(array, Seen(), NOW + 900)

    assert expected is not None and expected.ends == pytest.approx(NOW + 1_200)


def test_without_a_finished_child_there_is_no_forecast():
    assert forecast(read({"RUNNING": 100}, started=NOW, counted=NOW), Seen(), NOW + 600) is None


def test_a_definition_stands_for_all_its_revisions_and_no_other_name():
    prefix = "arn:aws:batch:us-east-1:123456789012:job-definition/render"
    for arn in (prefix, f"{prefix}:7"):
        watching = Watching.from_manifest({"queues": [], "definitions": [arn], "statuses": []})
        assert watching.includes(f"{prefix}:12")
        assert not watching.includes(f"{prefix}-2:12")
