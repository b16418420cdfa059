"""Look-ups fail: a notifier's secret, or the children that failed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from batchbell.dispatcher.timing import Timing
from tests.end_to_end.explained_repeats import FIRST, REPEAT
from tests.end_to_end.observed_stack import NOTIFIERS, ONCE, SENT, FinishedJob, ObservedStack
from tests.end_to_end.shared_stack import WEBHOOK
from tests.end_to_end.stack import TIMEOUT
from tests.waiting import FACTOR

SLACK_LATER = {"slack": [], "email": [FIRST], "sns": [FIRST]}
UNREADABLE = "the secret could not be read from ssm: "
NO_ANSWER = "no answer in time"
TIMED_OUT = f"{NO_ANSWER}|{UNREADABLE}ReadTimeoutError"  # the call has a limit of its own, which does not scale

# What SSM does, and the function's reason. No fault: the parameter does not exist.
SECRET_FAULTS: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "missing": ({}, UNREADABLE + "ParameterNotFound"),
    "throttled": ({"error": "ThrottlingException"}, UNREADABLE + "ThrottlingException"),
    "denied": ({"error": "AccessDeniedException"}, UNREADABLE + "AccessDeniedException"),
    "broken": ({"error": "InternalServerError", "status": 500}, UNREADABLE + "InternalServerError"),
    "cut": ({"cut": "before"}, UNREADABLE + "ConnectionClosedError"),
    "hanging": ({"delay": 3 * TIMEOUT, "cut": "before"}, NO_ANSWER if FACTOR == 1 else TIMED_OUT),
}


@dataclass(frozen=True)
class SecretFaults:
    """A job for each fault. `meanwhile`: what the channels had received before the secret could be read."""

    observed: ObservedStack
    jobs: Mapping[str, FinishedJob]
    meanwhile: Mapping[str, Mapping[str, list[str]]]


@pytest.fixture(scope="module")
def secrets(observed: ObservedStack) -> SecretFaults:
    stack, ssm = observed.stack, observed.stack.cloud.client("ssm")
    observed.set_batch_size(1)
    observed.set_mapping_enabled("retry_queue_url", False)
    ssm.delete_parameter(Name=WEBHOOK)
    jobs, meanwhile = {what: observed.job() for what in SECRET_FAULTS}, {}
    for number, (what, (fault, _)) in enumerate(SECRET_FAULTS.items(), start=1):
        observed.restart_processes()  # after failures, a process may stop using the channel for a while
        if fault:
            stack.cloud.fail("ssm:GetParameter", **fault)
        stack.send(jobs[what].event)
        stack.wait_until_empty("intake_queue_url")
        stack.wait_until(lambda number=number: stack.in_queue("retry_queue_url") == number, f"a ticket: {what}")
        meanwhile[what] = observed.deliveries(jobs[what].name)
        stack.cloud.clear_faults()
    ssm.put_parameter(Name=WEBHOOK, Value=stack.sink.url, Type="SecureString")
    observed.restart_processes()
    observed.set_mapping_enabled("retry_queue_url", True)
    observed.wait_until_idle()
    return SecretFaults(observed, jobs, meanwhile)


@pytest.mark.parametrize("what", SECRET_FAULTS)
def test_an_unreadable_secret_delays_only_its_own_channel(secrets, what):
    name = secrets.jobs[what].name

    assert secrets.meanwhile[what] == SLACK_LATER
    assert re.fullmatch(SECRET_FAULTS[what][1], secrets.observed.outcomes(name, "slack")[0])
    assert secrets.observed.unexpected(name, {"email": ["sent"], "sns": ["sent"]}) == {}


@pytest.mark.parametrize("what", SECRET_FAULTS)
def test_a_message_that_waited_for_a_secret_is_sent_once_when_it_can_be_read(secrets, what):
    job = secrets.jobs[what]
    # When time runs out, the missing answer may have been Slack's, unless the closed connection frees the row first.
    ran_out = secrets.observed.outcomes(job.name, "slack")[0] == NO_ANSWER
    allowed = [ONCE, ONCE | {"slack": [REPEAT]}] if ran_out else [ONCE]

    assert secrets.observed.deliveries(job.name) in allowed
    assert {notifier: row - {"maybe"} for notifier, row in secrets.observed.ledger_rows(job).items()} == SENT


def test_an_unreadable_secret_makes_no_dead_letter_and_is_not_in_the_log(secrets):
    stack = secrets.observed.stack

    assert stack.dead_letters() == []
    assert stack.sink.url.rpartition("/")[2] not in stack.log()


# What ListJobs does, and the reason in the message.
LOOK_UP_FAULTS: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "denied": ({"error": "AccessDeniedException", "status": 403}, "AccessDeniedException"),
    "throttled": ({"error": "TooManyRequestsException", "status": 429}, "TooManyRequestsException"),
    "broken": ({"error": "ServerException", "status": 500}, "ServerException"),
    "cut": ({"cut": "before"}, "ConnectionClosedError"),
    "hanging": ({"delay": 3 * TIMEOUT, "cut": "before"}, "ReadTimeoutError"),
    "empty": ({}, ""),
}
# By event file, whose counts are complete or lag behind: the title without a look-up.
TITLES = {"parent-failed": "failed: 3 of 7 children", "parent-failed-counts-lag": "failed: at least 2 of 7 children"}


@pytest.fixture(scope="module")
def children(observed: ObservedStack) -> Iterator[Mapping[tuple[str, str], FinishedJob]]:
    observed.set_batch_size(1)
    jobs = {(what, file): observed.job(file) for what in LOOK_UP_FAULTS for file in TITLES}
    for (what, _), job in jobs.items():
        if fault := LOOK_UP_FAULTS[what][0]:
            observed.stack.cloud.fail("batch:ListJobs", holds=job.event["detail"]["jobId"], **fault)
    for job in jobs.values():
        observed.stack.send(job.event)
    observed.wait_until_tried(jobs.values())
    observed.wait_until_idle()
    yield jobs
    observed.stack.cloud.clear_faults()


@pytest.mark.parametrize("file", TITLES)
@pytest.mark.parametrize("what", LOOK_UP_FAULTS)
def test_a_failed_look_up_of_children_delays_nothing_and_leads_to_no_wrong_number(observed, children, what, file):
    name, code = children[what, file].name, LOOK_UP_FAULTS[what][1]

    assert observed.unexplained(name) == {}
    assert observed.unexpected(name, {one: ["sent"] for one in NOTIFIERS}) == {}
    for text in observed.each_text(name):
        said = " ".join(text.split()).replace(name, "NAME")
        assert f"NAME {TITLES[file]}" in said
        assert re.findall(r"could not be looked up \((\w+)\)", said) == ([code] if code else [])
        assert "failed: 3 of 7" in said or not re.search(r"\d+ failed|failed: \d", said.replace("at least 2 of 7", ""))


def test_when_look_ups_are_slow_the_last_job_of_the_invocation_goes_without(observed):
    observed.set_batch_size(10)
    timing = Timing(TIMEOUT)
    delay = 0.9 * timing.call  # s
    observed.stack.cloud.fail("batch:ListJobs", delay=delay)
    calls = math.ceil(timing.look_ups / delay)  # take longer than all look-ups of an invocation may
    jobs = [observed.job("parent-failed") for _ in range(calls + 1)]
    observed.stack.send(*(job.event for job in jobs))
    observed.wait_until_tried(jobs)
    observed.wait_until_idle()
    observed.stack.cloud.clear_faults()

    assert [observed.unexplained(job.name) for job in jobs] == [{}] * len(jobs)
    for text in observed.each_text(jobs[-1].name):
        assert "Not all failed children were looked up: there are too many, or AWS was slow." in text


def test_a_failed_look_up_of_logs_only_costs_the_links(observed, name):
    fault = observed.stack.cloud.fail("batch:DescribeJobs", error="AccessDeniedException", status=403)
    observed.stack.submit(name, 3, ["sh", "-c", "exit 3"])
    observed.stack.wait_until(lambda: all(observed.outcomes(name, one) for one in NOTIFIERS), "tried", timeout=20)
    observed.wait_until_idle()
    observed.stack.cloud.clear_faults()

    assert fault.hits
    assert observed.unexplained(name) == {}
    for text in observed.each_text(name):
        said = " ".join(text.split())
        assert f"{name} failed: all 3 children" in said
        assert "0-2" in said
        assert "log-events" not in said
