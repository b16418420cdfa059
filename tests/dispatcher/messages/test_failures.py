from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from batchbell.dispatcher.messages.failures import LookUpBudget, look_up_failures, ranges
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.timing import Deadline


class Batch:
    """AWS Batch with failed children: (index, status reason, exit code)."""

    def __init__(self, children, page=1000, denied=False):
        self.children, self.page, self.denied, self.calls = children, page, denied, 0

    def list_jobs(self, *, arrayJobId, jobStatus, maxResults, nextToken="0"):
        self._call("ListJobs")
        assert jobStatus == "FAILED"
        start = int(nextToken)
        found = [
            {
                "jobId": f"{arrayJobId}:{index}",
                "statusReason": reason,
                "container": {"exitCode": exit_code} if exit_code is not None else {},
                "arrayProperties": {"index": index},
            }
            for index, reason, exit_code in self.children[start : start + min(self.page, maxResults)]
        ]
        more = start + len(found) < len(self.children)
        return {"jobSummaryList": found} | ({"nextToken": str(start + len(found))} if more else {})

    def describe_jobs(self, *, jobs):
        self._call("DescribeJobs")
        assert len(jobs) <= 100
        return {"jobs": [{"jobId": job, "container": {"logStreamName": f"render/default/{job[-1]}"}} for job in jobs]}

    def _call(self, operation):
        self.calls += 1
        if self.denied:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, operation)


@pytest.fixture
def job(event):
    return Job.from_event(event("parent-failed"))


def budget(calls=11, seconds=5.0):
    return LookUpBudget(Deadline.after(seconds), calls)


def test_failures_are_grouped_with_the_largest_group_first(job):
    batch = Batch(
        [(5, "Host EC2 terminated.", None), (0, "exited", 1), (1, "exited", 1), (2, "exited", 1), (6, "exited", 2)]
    )
    failures = look_up_failures(job, batch, budget())

    assert [(group.reason, group.count, group.indexes, group.exit_code) for group in failures.groups] == [
        ("exited", 3, "0-2", 1),
        ("Host EC2 terminated.", 1, "5", None),
        ("exited", 1, "6", 2),
    ]
    assert (failures.count, failures.complete, failures.problem) == (5, True, None)


def test_each_group_has_one_log(job):
    failures = look_up_failures(job, Batch([(0, "exited", 1), (3, "exited", 1), (6, "killed", 137)]), budget())

    assert [group.log and group.log.label for group in failures.groups] == ["Log of child 0", "Log of child 6"]


def test_ten_thousand_failures_take_eleven_calls(job):
    batch = Batch([(index, f"reason {index % 40}", 1) for index in range(10_000)])
    failures = look_up_failures(job, batch, budget())

    assert (batch.calls, failures.count, len(failures.groups), failures.complete) == (11, 10_000, 40, True)


def test_a_look_up_beyond_the_budget_says_so(job):
    failures = look_up_failures(job, Batch([(index, "exited", 1) for index in range(50)], page=10), budget(calls=4))

    assert (failures.count, failures.complete) == (30, False)
    assert "Not all failed children were looked up" in (failures.problem or "")


def test_all_jobs_of_an_invocation_share_the_budget(job):
    batch, shared = Batch([(number, "exited", 1) for number in range(3)]), budget(calls=3)
    first, second = look_up_failures(job, batch, shared), look_up_failures(job, batch, shared)

    assert (first.complete, second.complete) == (True, False)
    assert batch.calls <= 3


def test_failed_children_that_batch_does_not_list_are_counted_in_a_note(job):
    """The event counts three."""
    some, none = look_up_failures(job, Batch([(0, "exited", 1)]), budget()), look_up_failures(job, Batch([]), budget())

    assert (some.count, some.complete, some.problem) == (1, False, "AWS Batch lists 1 of 3 failed children.")
    assert (none.count, none.complete, none.problem) == (0, False, "AWS Batch lists none of the failed children.")


def test_a_child_that_two_pages_list_counts_once(job):
    failures = look_up_failures(job, Batch([(index, "exited", 1) for index in (0, 1, 1, 2)], page=2), budget())

    assert [(group.count, group.indexes) for group in failures.groups] == [(3, "0-2")]
    assert (failures.count, failures.complete) == (3, True)


def test_a_refused_look_up_is_a_note_and_never_raises(job):
    failures = look_up_failures(job, Batch([], denied=True), budget())

    assert (failures.groups, failures.complete) == ((), False)
    assert "AccessDeniedException" in (failures.problem or "")


def test_no_look_up_starts_after_the_deadline(job):
    batch = Batch([(0, "exited", 1)])
    failures = look_up_failures(job, batch, budget(seconds=0))

    assert (batch.calls, failures.complete) == (0, False)


def test_the_largest_groups_are_shown_and_all_are_counted(job):
    failures = look_up_failures(job, Batch([(index, f"reason {index}", 1) for index in range(200)]), budget())

    assert (len(failures.groups), failures.count, failures.complete) == (50, 200, True)
    assert "50 largest of 200" in (failures.problem or "")


@pytest.mark.parametrize(
    ("indexes", "text"),
    [([], ""), ([4], "4"), ([3, 0, 1, 2, 17], "0-3, 17"), ([*range(20, 10_000), 17], "17, 20-9999"), ([1, 1], "1")],
)
def test_indexes_read_as_ranges(indexes, text):
    assert ranges(indexes) == text


def test_a_pattern_too_long_to_read_is_cut():
    text = ranges(list(range(0, 10_000, 2)))

    assert len(text) <= 310
    assert text.endswith(", …")
