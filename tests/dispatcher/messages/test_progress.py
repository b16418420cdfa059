"""The message that shows how far an array is."""

from __future__ import annotations

import pytest

from batchbell.contract import Progress
from batchbell.dispatcher.messages.end_job import end_job
from batchbell.dispatcher.messages.progress import compose_progress
from batchbell.dispatcher.messages.running_job import Observed, about, pace
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.watch.memory import Seen
from batchbell.dispatcher.watch.running_array import RunningArray

NOW = 1_800_000_000.0
JOB = Job(
    arn="arn:aws:batch:us-east-1:123456789012:job/0f5c1d7e-93ab-4d0c-8b11-2f6a7c9e4b02",
    id="0f5c1d7e-93ab-4d0c-8b11-2f6a7c9e4b02",
    name="nightly-render",
    queue="arn:aws:batch:us-east-1:123456789012:job-queue/nightly",
    definition="",
    status="PENDING",
    partition="aws",
    region="us-east-1",
    array_size=10_000,
)


def progress(counts, started=None, counted=NOW):
    array = RunningArray(Job(**{**vars(JOB), "counts": counts, "started_at": started}), counted)
    return compose_progress(Observed(array, Seen(), NOW))


def test_progress_says_how_much_is_done_and_how_long_it_still_takes():
    message = progress({"SUCCEEDED": 4_997, "FAILED": 3, "RUNNABLE": 5_000}, started=int((NOW - 7_200) * 1000))

    assert message.title == "nightly-render is running: 5,000 of 10,000 done, 3 failed, about 2 h left"
    assert message.progress == Progress(10_000, 5_000, 3, 5_000)
    assert (message.kind, message.status, message.key) == ("progress", "RUNNING", f"{JOB.arn}#BOARD")
    assert {fact.label: fact.value for fact in message.facts} == {
        "Children": "10,000: 4,997 succeeded, 3 failed, 5,000 runnable",
        "Running for": "2 h",
        "Job queue": "nightly",
        "As of": "2027-01-15 08:00:00 UTC",
        "Job id": JOB.id,
    }


def test_progress_says_nothing_that_cannot_be_told():
    assert progress({"RUNNING": 10}).title == "nightly-render is running: 0 of 10,000 done"
    assert progress({"RUNNABLE": 10}).title == (
        "nightly-render waits in its queue: none of 10,000 children has started"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *[(0, "under a minute"), (60, "about 1 min"), (59 * 60, "about 59 min"), (62 * 60, "about 1 h")],
        *[(98 * 60, "about 1 h 40 min"), (11 * 3_600 + 1_900, "about 12 h"), (26 * 3_600, "about 1 d 2 h")],
    ],
)
def test_a_duration_of_a_forecast_is_as_exact_as_the_forecast(seconds, text):
    assert about(seconds) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        *[(40 / 60, "40 children a minute"), (1 / 60, "1 child a minute"), (3.5 / 3_600, "3.5 children an hour")],
        *[(1 / 86_400, "1 child a day"), (0.1 / 86_400, "0.1 children a day")],
    ],
)
def test_a_rate_is_given_in_the_unit_that_people_count_in(rate, text):
    assert pace(rate) == text


@pytest.mark.parametrize(
    "change",
    [{"id": "$(reboot)"}, {"id": "x; reboot"}, {"region": "us-east-1; reboot"}, {"region": ""}],
)
def test_a_command_is_offered_only_for_an_id_and_a_region_of_their_shapes(change):
    assert len(end_job(JOB)) == 1
    assert end_job(Job(**{**vars(JOB), **change})) == ()
