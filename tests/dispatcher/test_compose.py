from __future__ import annotations

import json

import pytest

from batchbell.contract import FailureGroup, Message, Severity
from batchbell.dispatcher.compose import compose
from batchbell.dispatcher.failures import Failures, failure_of
from batchbell.dispatcher.job import Job


def composed(event, failures=None):
    return compose(Job.from_event(event), failures or Failures())


def facts(message):
    return {fact.label: fact.value for fact in message.facts}


def test_a_title_tells_the_whole_outcome(event):
    assert composed(event("parent-succeeded")).title == "nightly-render succeeded: all 7 children"
    assert composed(event("parent-failed")).title == "nightly-render failed: 3 of 7 children"
    assert composed(event("single-failed")).title == "nightly-render failed"


def test_a_summary_says_what_the_title_does_not(event):
    assert composed(event("parent-failed")).summary == "Array job on nightly, 12 min 44 s after it was submitted"
    assert composed(event("child-failed-ec2")).summary == (
        "Child of an array job on nightly, 11 min 39 s after it was submitted"
    )
    assert composed(event("child-failed-ec2")).title == "Child 3 of nightly-render failed"


def test_counts_that_lag_are_not_told(event):
    message = composed(event("parent-failed-counts-lag"))

    assert message.title == "nightly-render failed (7 children)"
    assert facts(message)["Children"] == "7"


def test_the_look_up_outvotes_counts_that_lag(event):
    looked_up = Failures((FailureGroup("exit", 3, "0, 4, 6", 1),), count=3)

    assert composed(event("parent-failed-counts-lag"), looked_up).title == "nightly-render failed: 3 of 7 children"


def test_a_look_up_that_is_not_complete_gives_no_count(event):
    looked_up = Failures((FailureGroup("exit", 1, "0", 1),), count=1, complete=False, problem="AWS was slow")
    message = composed(event("parent-failed-counts-lag"), looked_up)

    assert message.title == "nightly-render failed (7 children)"
    assert message.notes == ("AWS was slow",)


def test_the_facts_are_what_a_reader_asks_first(event):
    assert facts(composed(event("parent-failed"))) == {
        "Children": "3 failed, 4 succeeded",
        "Duration": "12 min 44 s",
        "Job queue": "nightly",
        "Job definition": "render:12",
        "Reason": "Array Child Job failed",
        "Finished": "2025-11-20 03:12:45 UTC",
        "Job id": "0f5c1d7e-93ab-4d0c-8b11-2f6a7c9e4b02",
    }


def test_a_single_jobs_own_event_says_why_it_failed(event):
    job = Job.from_event(event("single-failed"))
    (group,) = compose(job, failure_of(job)).failures

    assert group.reason.startswith("Essential container in task exited: OutOfMemoryError")
    assert group.exit_code == 137
    assert (
        group.log and "log-group/$252Faws$252Fbatch$252Fjob/log-events/render$252Fdefault$252F77aa0c" in group.log.url
    )


@pytest.mark.parametrize(
    ("partition", "region", "host"),
    [
        ("aws", "eu-central-1", "https://eu-central-1.console.aws.amazon.com/"),
        ("aws-us-gov", "us-gov-west-1", "https://console.amazonaws-us-gov.com/"),
        ("aws-cn", "cn-north-1", "https://console.amazonaws.cn/"),
    ],
)
def test_links_lead_to_the_console_of_the_partition(event, partition, region, host):
    message = composed(event("parent-succeeded", jobArn=f"arn:{partition}:batch:{region}:123456789012:job/x"))

    assert message.links[0].url.startswith(host)
    assert f"region={region}" in message.links[0].url


def test_a_message_holds_nothing_of_the_containers_environment(event):
    assert "hunter2" not in composed(event("parent-failed")).to_json()


def test_a_message_comes_back_whole_from_json(event):
    job = Job.from_event(event("single-failed"))
    message = compose(job, failure_of(job)).with_note("again")

    assert Message.from_dict(json.loads(message.to_json())) == message
    assert message.severity is Severity.FAILURE


def test_times_that_make_no_sense_are_left_out(event):
    told = facts(composed(event("parent-succeeded", createdAt=10**20, stoppedAt=-(10**20)) | {"time": "yesterday"}))

    assert not {"Duration", "Finished"} & set(told)
