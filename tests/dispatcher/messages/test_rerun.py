"""What messages say about reruns: the command to copy, and the outcome in the first job's thread."""

from __future__ import annotations

import pytest

from batchbell.dispatcher.messages.failures import Failures, LookUpBudget, failure_of, look_up_failures
from batchbell.dispatcher.messages.finished_job import compose
from batchbell.dispatcher.records.job import Job
from batchbell.dispatcher.timing import Deadline

FIRST = "arn:aws:batch:us-east-1:123456789012:job/11111111-2222-3333-4444-555555555555"
ID = "0f5c1d7e-93ab-4d0c-8b11-2f6a7c9e4b02"


@pytest.fixture
def rerun(event):
    """Make the job of a rerun's event: of so many children, of which some failed again."""

    def make(size, failed=0, indexes="", **detail):
        tags = {"batchbell:rerun-of": FIRST, "resourceArn": FIRST} | detail.pop("tags", {})
        counts = {"SUCCEEDED": size - failed, "FAILED": failed}
        array = {"arrayProperties": {"size": size, "statusSummary": counts}} if size > 1 else {"arrayProperties": {}}
        container = {"environment": [{"name": "BATCHBELL_INDEXES", "value": indexes}]}
        file = "parent-failed" if failed else "parent-succeeded"
        return Job.from_event(event(file, jobName="nightly-render", tags=tags, container=container, **array, **detail))

    return make


def test_a_failed_array_has_the_command_that_runs_its_failures_again(event):
    (command,) = compose(Job.from_event(event("parent-failed")), Failures()).commands

    assert command.line == f"python -m batchbell rerun {ID} --region us-east-1"
    assert command.label == "To run again what failed"


@pytest.mark.parametrize("file", ["parent-succeeded", "single-failed", "child-failed-ec2", "multi-node-failed"])
def test_what_cannot_be_run_again_in_part_has_no_command(event, file):
    assert compose(Job.from_event(event(file)), Failures()).commands == ()


def test_a_stack_can_do_without_the_command(event):
    assert compose(Job.from_event(event("parent-failed")), Failures(), rerun_hint=False).commands == ()


@pytest.mark.parametrize("id_", ["x; rm -rf ~", f"{ID}\n", "$(id)", f"{ID} --yes"])
def test_an_id_that_is_none_never_gets_into_a_command(event, id_):
    arn = f"arn:aws:batch:us-east-1:123456789012:job/{id_}"

    assert compose(Job.from_event(event("parent-failed", jobId=id_, jobArn=arn)), Failures()).commands == ()


@pytest.mark.parametrize(
    ("size", "failed", "title"),
    [
        (37, 0, "rerun of nightly-render: 37 of 37 now succeeded"),
        (9_999, 0, "rerun of nightly-render: 9,999 of 9,999 now succeeded"),
        (1, 0, "rerun of nightly-render: 1 of 1 now succeeded"),
        (37, 3, "rerun of nightly-render failed: 3 of 37 children"),
        (1, 1, "rerun of nightly-render failed"),
    ],
)
def test_the_outcome_of_a_rerun_says_so_in_the_first_jobs_thread(rerun, size, failed, title):
    message = compose(rerun(size, failed), Failures())

    assert (message.title, message.thread) == (title, FIRST)
    assert {fact.label: fact.value for fact in message.facts}["First job"] == FIRST.rpartition("/")[2]
    assert message.job_name == "nightly-render"  # by which notifiers filter
    assert bool(message.commands) == bool(failed)


def test_another_name_and_the_reason_are_told(rerun):
    tags = {"batchbell:rerun-name": "nightly-render", "batchbell:rerun-reason": "disk full"}
    message = compose(rerun(2, jobId=ID, tags=tags), Failures())

    assert message.title == "rerun of nightly-render: 2 of 2 now succeeded"
    assert {fact.label: fact.value for fact in message.facts}["Reason of the rerun"] == "disk full"


@pytest.mark.parametrize("first", ["", "x", f"{FIRST}:3", "arn:aws:sqs:us-east-1:123456789012:queue", f"{FIRST}\n"])
def test_a_tag_that_names_no_job_makes_no_rerun(rerun, first):
    message = compose(rerun(2, tags={"batchbell:rerun-of": first}), Failures())

    assert message.title == "nightly-render succeeded: all 2 children"
    assert message.thread.endswith(ID) and message.thread != FIRST


class Batch:
    """Lists two failed children of a rerun, by their positions in it."""

    def list_jobs(self, **_):
        return {"jobSummaryList": [child(0), child(2)]}

    def describe_jobs(self, jobs):
        return {"jobs": [{**child(int(id_.rpartition(":")[2])), "container": LOGGED} for id_ in jobs]}


LOGGED = {"logStreamName": "render/default/1", "exitCode": 1}


def child(position):
    return {
        "jobId": f"{ID}:{position}",
        "statusReason": "Essential container in task exited",
        "container": {"exitCode": 1},
        "arrayProperties": {"index": position},
    }


def test_the_failures_of_a_rerun_have_the_indexes_of_the_first_job(rerun):
    budget = LookUpBudget(Deadline.after(5))
    failures = look_up_failures(rerun(3, 2, indexes="5,17-18"), Batch(), budget)

    (group,) = failures.groups
    assert (group.indexes, group.count) == ("5, 18", 2)
    assert group.log is not None and group.log.label == "Log of child 5"


def test_the_failure_of_a_rerun_of_one_child_has_its_index(rerun):
    assert failure_of(rerun(1, 1, indexes="17")).groups[0].indexes == "17"


@pytest.mark.parametrize("indexes", ["", "x", "5", "0-99999", "3-1", "1,1"])
def test_indexes_that_do_not_fit_leave_the_positions(rerun, indexes):
    failures = look_up_failures(rerun(3, 2, indexes=indexes), Batch(), LookUpBudget(Deadline.after(5)))

    assert [group.count for group in failures.groups] == [2]
