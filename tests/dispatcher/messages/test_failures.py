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


class SilentBatch(Batch):
    """AWS Batch with children of several containers: ListJobs does not say how they ended, DescribeJobs does."""

    def __init__(self, exit_codes, event, **options):
        self.exit_codes, self.event = exit_codes, event
        self.children_in_pods, self.never_ran = False, set()
        super().__init__([(index, "Essential container in task exited", None) for index in exit_codes], **options)

    def describe_jobs(self, *, jobs):
        super().describe_jobs(jobs=jobs)
        return {"jobs": [self.child(job) for job in jobs]}

    def child(self, job):
        if int(job.partition(":")[2]) in self.never_ran:
            return {"jobId": job, "container": {"networkInterfaces": []}}
        if self.children_in_pods:
            return self.event("eks-failed")["detail"] | {"jobId": job}
        detail = self.event("several-containers-failed")["detail"]
        (task,) = detail["ecsProperties"]["taskProperties"]
        app, sidecar = task["containers"]
        app |= {"exitCode": self.exit_codes[int(job.partition(":")[2])], "reason": ""}
        app["logConfiguration"]["options"]["awslogs-region"] = "eu-central-1"
        task["containers"] = [sidecar | {"exitCode": 9}, app]
        return detail | {"jobId": job, "attempts": [], "arrayProperties": {"index": int(job.partition(":")[2])}}


def test_children_with_several_containers_are_grouped_by_the_exit_code_of_the_essential_one(job, event):
    failures = look_up_failures(job, SilentBatch({0: 1, 3: 137, 6: 1}, event), budget())
    reason = "Essential container in task exited"

    assert [(group.reason, group.count, group.indexes, group.exit_code) for group in failures.groups] == [
        (reason, 2, "0, 6", 1),
        (reason, 1, "3", 137),
    ]
    assert [group.log and group.log.label for group in failures.groups] == ["Log of child 0", "Log of child 3"]
    for group in failures.groups:
        assert group.log
        assert group.log.url.startswith("https://eu-central-1.console.aws.amazon.com/")
        assert "log-group/$252Fteams$252Frender/" in group.log.url
    assert failures.problem is None


def test_pods_are_grouped_by_exit_code_too_and_have_no_log_link(job, event):
    batch = SilentBatch({0: 137, 1: 137, 2: 137}, event)
    batch.children_in_pods = True
    (group,) = look_up_failures(job, batch, budget()).groups

    assert (group.reason, group.count, group.indexes) == ("Essential container in task exited: OOMKilled", 3, "0-2")
    assert (group.exit_code, group.log) == (137, None)


def test_what_there_was_no_time_to_ask_for_is_said_and_not_guessed(job, event):
    batch = SilentBatch(dict.fromkeys(range(1_000), 1), event)
    failures = look_up_failures(job, batch, budget(calls=4))

    assert [(group.count, group.exit_code) for group in failures.groups] == [(700, None), (300, 1)]
    assert failures.problem == "Exit codes and reasons of 700 failed children were not looked up."
    assert (failures.count, batch.calls) == (1_000, 4)


def test_children_that_never_ran_are_not_among_those_there_was_no_time_to_ask_for(job, event):
    batch = SilentBatch({0: 1, 3: 1}, event)
    batch.children.append((6, "Host EC2 (instance i-0123456789abcdef0) terminated.", None))
    batch.never_ran = {6}
    failures = look_up_failures(job, batch, budget())

    assert [(group.count, group.exit_code) for group in failures.groups] == [(2, 1), (1, None)]
    assert failures.problem is None


def test_children_that_never_ran_cost_one_call_for_details_that_nobody_has(job):
    batch = Batch([(index, "Host EC2 (instance i-0123456789abcdef0) terminated.", None) for index in range(900)])
    failures = look_up_failures(job, batch, budget())

    assert (batch.calls, failures.count, failures.problem) == (2, 900, None)


class BatchWithLogs(Batch):
    def __init__(self, driver):
        self.driver = driver
        super().__init__([(0, "exited", 1)])

    def describe_jobs(self, *, jobs):
        options = {"awslogs-group": "/central", "awslogs-region": "eu-central-1"}
        logs = {"logDriver": self.driver, "options": options}
        return {
            "jobs": [{"jobId": one, "container": {"logStreamName": "a/b", "logConfiguration": logs}} for one in jobs]
        }


def test_a_childs_log_link_leads_to_its_own_group_and_region_if_it_is_in_cloudwatch(job):
    (group,) = look_up_failures(job, BatchWithLogs("awslogs"), budget()).groups

    assert group.log
    assert group.log.url.partition("#")[2] == "logsV2:log-groups/log-group/$252Fcentral/log-events/a$252Fb"
    assert "region=eu-central-1" in group.log.url
    assert [group.log for group in look_up_failures(job, BatchWithLogs("splunk"), budget()).groups] == [None]


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
