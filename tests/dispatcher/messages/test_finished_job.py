from __future__ import annotations

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from batchbell.contract import FailureGroup, Message, Severity
from batchbell.dispatcher.dates import format_duration, format_time
from batchbell.dispatcher.messages.failures import Failures, failure_of
from batchbell.dispatcher.messages.finished_job import compose
from batchbell.dispatcher.records.job import Job


def composed(event, failures=None, zone=UTC):
    return compose(Job.from_event(event), failures or Failures(), zone)


def counts_shown(event, summary, failures=None):
    """The title and the count of children of an array of 7 that failed, by the event's counts."""
    message = composed(event("parent-failed", arrayProperties={"size": 7, "statusSummary": summary}), failures)
    return message.title.removeprefix("nightly-render "), facts(message)["Children"]


def facts(message):
    return {fact.label: fact.value for fact in message.facts}


def test_a_title_states_the_whole_outcome(event):
    assert composed(event("parent-succeeded")).title == "nightly-render succeeded: all 7 children"
    assert composed(event("parent-failed")).title == "nightly-render failed: 3 of 7 children"
    assert composed(event("single-failed")).title == "nightly-render failed"


def test_a_summary_says_what_the_title_does_not(event):
    assert composed(event("parent-failed")).summary == "Array job on nightly, 12 min 44 s after it was submitted"
    assert composed(event("child-failed-ec2")).summary == (
        "Child of an array job on nightly, 11 min 39 s after it was submitted"
    )
    assert composed(event("child-failed-ec2")).title == "Child 3 of nightly-render failed"


ONE = (FailureGroup("exit", 1, "0", 1),)


@pytest.mark.parametrize(
    ("summary", "failures", "shown"),
    [
        ({"SUCCEEDED": 4, "FAILED": 3}, Failures(), ("failed: 3 of 7 children", "3 failed, 4 succeeded")),
        ({"FAILED": 7}, Failures(), ("failed: all 7 children", "7 failed")),
        # Two still run: a child that failed stays failed, so two is the least.
        (
            {"SUCCEEDED": 3, "RUNNING": 2, "FAILED": 2},
            Failures(),
            ("failed: at least 2 of 7 children", "at least 2 of 7 failed"),
        ),
        (
            {"FAILED": 2},
            Failures(ONE, 3, complete=False),
            ("failed: at least 3 of 7 children", "at least 3 of 7 failed"),
        ),
        ({"FAILED": 2}, Failures(ONE, 3), ("failed: 3 of 7 children", "3 failed, 4 succeeded")),
        # Batch forgets finished jobs: what it still lists is less than what the event has counted to the end.
        (
            {"SUCCEEDED": 4, "FAILED": 3},
            Failures(ONE, 1, complete=False),
            ("failed: 3 of 7 children", "3 failed, 4 succeeded"),
        ),
        # The counts add up, and yet more are listed: they are older than the list.
        ({"SUCCEEDED": 4, "FAILED": 3}, Failures(ONE, 5), ("failed: 5 of 7 children", "5 failed, 2 succeeded")),
        # … and so do these, though the list is not whole.
        (
            {"SUCCEEDED": 4, "FAILED": 3},
            Failures(ONE, 5, complete=False),
            ("failed: at least 5 of 7 children", "at least 5 of 7 failed"),
        ),
        ({}, Failures(), ("failed (7 children)", "7")),
        ({"SUCCEEDED": 7, "FAILED": 0}, Failures(), ("failed (7 children)", "7")),
        ({"SUCCEEDED": -1, "FAILED": 8}, Failures(), ("failed (7 children)", "7")),
        ({}, Failures(ONE, 9), ("failed (7 children)", "7")),
    ],
)
def test_numbers_that_do_not_add_up_are_not_shown(event, summary, failures, shown):
    assert counts_shown(event, summary, failures) == shown


def test_the_look_up_overrides_counts_that_lag(event):
    looked_up = Failures((FailureGroup("exit", 3, "0, 4, 6", 1),), count=3)

    assert composed(event("parent-failed-counts-lag"), looked_up).title == "nightly-render failed: 3 of 7 children"


def test_a_look_up_that_is_not_complete_gives_no_exact_count(event):
    looked_up = Failures((FailureGroup("exit", 1, "0", 1),), count=1, complete=False, problem="AWS was slow")
    message = composed(event("parent-failed-counts-lag"), looked_up)

    assert message.title == "nightly-render failed: at least 2 of 7 children"
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
        ("aws-eusc", "eusc-de-east-1", "https://eusc-de-east-1.console.amazonaws-eusc.eu/"),
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


def test_impossible_times_are_left_out(event):
    shown = facts(composed(event("parent-succeeded", createdAt=10**20, stoppedAt=-(10**20)) | {"time": "yesterday"}))

    assert not {"Duration", "Finished"} & set(shown)


def test_a_duration_is_split_as_far_as_the_event_allows(event):
    def duration(file="single-failed", **detail):
        return facts(composed(event(file, **detail)))["Duration"]

    second = {"startedAt": 1763608320000, "stoppedAt": 1763608330000}
    first = event("single-failed")["detail"]["attempts"][0]
    assert duration() == "11 min 39 s (queued 6 min 39 s, ran 5 min)"
    assert duration(attempts=[first, second], stoppedAt=second["stoppedAt"]) == (
        "12 min 9 s (queued 6 min 39 s, ran 5 min 10 s in 2 attempts)"
    )
    assert duration(attempts=[]) == "11 min 39 s (queued 6 min 39 s, ran 5 min)"
    assert duration(attempts=[], startedAt=None) == "11 min 39 s"
    assert duration("parent-failed") == "12 min 44 s"
    assert duration("parent-failed", startedAt=1763607660123) == "12 min 44 s (queued 1 min)"
    # Moments in an order that cannot be.
    assert duration(attempts=[{"startedAt": 1763609300000}]) == "11 min 39 s"
    assert duration(attempts=[], startedAt=1763607000000) == "11 min 39 s"
    assert duration(attempts=[{"startedAt": 1763608300000, "stoppedAt": 1763608000000}]) == (
        "11 min 39 s (queued 11 min 39 s)"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "under 1 s"), (59.9, "59 s"), (60, "1 min"), (764, "12 min 44 s"), (3_605, "1 h"), (187_200, "2 d 4 h")],
)
def test_durations_read_as_their_two_largest_units(seconds, text):
    assert format_duration(seconds) == text


def test_attempts_are_shown_with_how_many_are_allowed(event):
    def attempts(file, **detail):
        return facts(composed(event(file, **detail))).get("Attempts")

    attempt = event("single-failed")["detail"]["attempts"][0]
    assert attempts("single-failed") == "1 of 1"
    assert attempts("single-failed", attempts=[attempt] * 2, retryStrategy={"attempts": 3}) == "2 of 3 (2 failed)"
    lost = {**attempt, "statusReason": "Host EC2 (instance i-0a1b2c3d) terminated.", "container": {}}
    tries = [lost, lost, attempt]
    said = "3 of 3 (2 lost their instance, 1 failed)"
    assert attempts("single-failed", attempts=tries, retryStrategy={"attempts": 3}) == said
    assert attempts("single-failed", attempts=[], eksAttempts=[attempt] * 2, retryStrategy={}) == "2 of 2 (2 failed)"
    assert attempts("child-failed-before-placement") is None


def test_attempts_of_several_containers_say_how_they_ended(event):
    def attempts(file, **detail):
        return facts(composed(event(file, retryStrategy={"attempts": 3}, **detail))).get("Attempts")

    lost = {"statusReason": "Host EC2 (instance i-0a1b2c3d) terminated.", "taskProperties": [{"containers": []}]}
    app, sidecar = {"name": "app"}, {"name": "sidecar", "essential": False}
    containers = {"ecsProperties": {"taskProperties": [{"containers": [sidecar, app]}]}, "container": {}}
    failed = {"taskProperties": [{"containers": [{"name": "sidecar", "exitCode": 0}, {"name": "app", "exitCode": 7}]}]}
    fine = {"taskProperties": [{"containers": [{"name": "sidecar", "exitCode": 2}, {"name": "app", "exitCode": 0}]}]}
    tasks = "several-containers-failed"
    assert attempts(tasks, **containers, attempts=[lost, failed]) == "2 of 3 (1 lost its instance, 1 failed)"
    assert attempts(tasks, **containers, attempts=[failed, fine]) == "2 of 3 (1 failed)"

    pod = {"containers": [{"name": "main", "exitCode": 1}], "initContainers": [{"name": "init", "exitCode": 0}]}
    assert attempts("eks-failed", eksAttempts=[pod, pod], attempts=[]) == "2 of 3 (2 failed)"


def test_a_parents_attempts_are_those_of_each_child(event):
    def attempts(file, **detail):
        return facts(composed(event(file, **detail))).get("Attempts")

    assert attempts("parent-failed") is None
    assert attempts("parent-failed", retryStrategy={"attempts": 3}) == "up to 3 for each child"


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        (UTC, "2025-11-20 03:12:45 UTC"),
        (ZoneInfo("Europe/Berlin"), "2025-11-20 04:12:45 CET"),
        (ZoneInfo("America/Sao_Paulo"), "2025-11-20 00:12:45 UTC-03"),
        (ZoneInfo("Asia/Kathmandu"), "2025-11-20 08:57:45 UTC+0545"),
    ],
)
def test_times_are_those_of_the_stacks_zone(event, zone, shown):
    assert facts(composed(event("parent-failed"), zone=zone))["Finished"] == shown


def test_a_zone_knows_its_summer():
    assert format_time(datetime(2026, 7, 1, 12, tzinfo=UTC), ZoneInfo("Europe/Berlin")) == "2026-07-01 14:00:00 CEST"


def links(message):
    return {link.label: link.url for link in message.links}


def test_links_lead_to_the_job_and_to_its_logs(event):
    home = "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group"
    group = "$252Faws$252Fbatch$252Fjob"
    elsewhere = {"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "mine"}}}

    assert links(composed(event("single-failed")))["Log in the AWS console"] == (
        f"{home}/{group}/log-events/render$252Fdefault$252F77aa0c"
    )
    # The streams of all children; their names begin with the job definition's.
    assert links(composed(event("parent-failed")))["Logs in /aws/batch/job"] == (
        f"{home}/{group}$3FlogStreamNameFilter$3Drender$252F"
    )
    assert links(composed(event("parent-failed", container=elsewhere)))["Logs in mine"].startswith(f"{home}/mine$3F")


@pytest.mark.parametrize(
    "detail", [{"container": {"logConfiguration": {"logDriver": "splunk"}}}, {"eksProperties": {"podProperties": {}}}]
)
def test_there_is_no_log_link_if_the_log_is_not_in_cloudwatch(event, detail):
    assert list(links(composed(event("parent-failed", **detail)))) == ["Job in the AWS console"]


def test_there_is_no_link_if_the_console_is_unknown(event):
    message = composed(event("parent-failed", jobArn="arn:aws-iso:batch:us-iso-east-1:123456789012:job/x"))

    assert message.links == ()


def test_all_messages_about_one_job_are_one_thread_and_name_its_queue(event):
    failed, succeeded = composed(event("parent-failed")), composed(event("parent-succeeded"))

    assert failed.key != succeeded.key
    assert failed.thread == succeeded.thread
    assert failed.queue == "nightly"
