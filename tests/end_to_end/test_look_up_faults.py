"""What a message needs besides its event is not to be had: a notifier's secret, or the children that failed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.end_to_end.conftest import TIMEOUT
from tests.end_to_end.watched import FIRST, NOTIFIERS, ONCE, REPEAT, SENT, Job, Watched

SLACK_LATER = {"slack": [], "email": [FIRST], "sns": [FIRST]}
UNREADABLE = "the secret could not be read from ssm: "

# What SSM does, and what the function says of it. "": it has no such parameter.
SECRETS: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "missing": ({}, UNREADABLE + "ParameterNotFound"),
    "throttled": ({"error": "ThrottlingException"}, UNREADABLE + "ThrottlingException"),
    "denied": ({"error": "AccessDeniedException"}, UNREADABLE + "AccessDeniedException"),
    "broken": ({"error": "InternalServerError", "status": 500}, UNREADABLE + "InternalServerError"),
    "cut": ({"cut": "before"}, UNREADABLE + "ConnectionClosedError"),
    "hanging": ({"delay": 3 * TIMEOUT, "cut": "before"}, "no answer in time"),
}


@dataclass(frozen=True)
class Secrets:
    """A job for each fault. `meanwhile`: what the channels had of it before the secret could be read."""

    watched: Watched
    jobs: Mapping[str, Job]
    meanwhile: Mapping[str, Mapping[str, list[str]]]


@pytest.fixture(scope="module")
def secrets(watched: Watched) -> Iterator[Secrets]:
    stack, ssm = watched.stack, watched.stack.cloud.client("ssm")
    watched.invoke_with(records=1)
    watched.take("retry_queue_url", False)
    (parameter,) = (found["Name"] for found in ssm.describe_parameters()["Parameters"])
    webhook = ssm.get_parameter(Name=parameter, WithDecryption=True)["Parameter"]["Value"]
    ssm.delete_parameter(Name=parameter)
    jobs, meanwhile = {what: watched.job() for what in SECRETS}, {}
    for number, (what, (fault, _)) in enumerate(SECRETS.items(), start=1):
        watched.start_anew()  # a process that has failed may leave the channel alone for a while
        if fault:
            stack.cloud.fail("ssm:GetParameter", **fault)
        stack.send(jobs[what].event)
        stack.wait_until(lambda: stack.in_queue("intake_queue_url") == 0, f"taken: {what}", timeout=20)
        stack.wait_until(lambda number=number: stack.in_queue("retry_queue_url") == number, f"a ticket: {what}")
        meanwhile[what] = watched.told(jobs[what].name)
        stack.cloud.clear_faults()
    ssm.put_parameter(Name=parameter, Value=webhook, Type="SecureString")
    watched.start_anew()
    watched.take("retry_queue_url", True)
    watched.settle()
    yield Secrets(watched, jobs, meanwhile)


@pytest.mark.parametrize("what", SECRETS)
def test_a_secret_that_cannot_be_read_delays_its_own_channel_alone(secrets, what):
    name = secrets.jobs[what].name

    assert secrets.meanwhile[what] == SLACK_LATER
    assert secrets.watched.outcomes(name, "slack")[0] == SECRETS[what][1]
    assert [secrets.watched.outcomes(name, other) for other in ("email", "sns")] == [["sent"], ["sent"]]


@pytest.mark.parametrize("what", SECRETS)
def test_what_waited_for_a_secret_is_told_once_when_it_can_be_read(secrets, what):
    job = secrets.jobs[what]
    # No answer in time may as well have been Slack's.
    once = ONCE | {"slack": [REPEAT]} if what == "hanging" else ONCE

    assert secrets.watched.told(job.name) == once
    assert {notifier: row - {"maybe"} for notifier, row in secrets.watched.rows(job).items()} == SENT


def test_a_secret_that_cannot_be_read_makes_no_dead_letter_and_is_not_in_the_log(secrets):
    stack = secrets.watched.stack

    assert stack.dead_letters() == []
    assert stack.sink.url.rpartition("/")[2] not in stack.log()


# What ListJobs does, and what the message says of it.
CHILDREN: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "denied": ({"error": "AccessDeniedException", "status": 403}, "AccessDeniedException"),
    "throttled": ({"error": "TooManyRequestsException", "status": 429}, "TooManyRequestsException"),
    "broken": ({"error": "ServerException", "status": 500}, "ServerException"),
    "cut": ({"cut": "before"}, "ConnectionClosedError"),
    "hanging": ({"delay": 3 * TIMEOUT, "cut": "before"}, "ReadTimeoutError"),
    "empty": ({}, ""),
}
# The event's own counts, complete or behind the children, and what may be said where nothing was found out.
TITLES = {"parent-failed": "failed: 3 of 7 children", "parent-failed-counts-lag": "failed: at least 2 of 7 children"}


@pytest.fixture(scope="module")
def children(watched: Watched) -> Iterator[Mapping[tuple[str, str], Job]]:
    watched.invoke_with(records=1)
    jobs = {(what, file): watched.job(file) for what in CHILDREN for file in TITLES}
    for (what, _), job in jobs.items():
        if fault := CHILDREN[what][0]:
            watched.stack.cloud.fail("batch:ListJobs", holds=job.event["detail"]["jobId"], **fault)
    for job in jobs.values():
        watched.stack.send(job.event)
    watched.stack.wait_until(lambda: all(_tried(watched, job.name) for job in jobs.values()), "tried", timeout=40)
    yield jobs
    watched.stack.cloud.clear_faults()


@pytest.mark.parametrize("file", TITLES)
@pytest.mark.parametrize("what", CHILDREN)
def test_children_that_cannot_be_looked_up_delay_nothing_and_no_wrong_number_is_told(watched, children, what, file):
    name, code = children[what, file].name, CHILDREN[what][1]

    assert watched.told(name) == ONCE
    assert [watched.outcomes(name, notifier) for notifier in NOTIFIERS] == [["sent"]] * 3
    for (text,) in watched.texts(name).values():
        said = " ".join(text.split()).replace(name, "NAME")
        assert f"NAME {TITLES[file]}" in said
        assert re.findall(r"could not be looked up \((\w+)\)", said) == ([code] if code else [])
        assert "failed: 3 of 7" in said or not re.search(r"\d+ failed|failed: \d", said.replace("at least 2 of 7", ""))


def test_look_ups_that_are_slow_together_leave_the_last_job_without_them(watched):
    watched.invoke_with(records=10)
    # Three such calls take longer than the look-ups of an invocation may.
    watched.stack.cloud.fail("batch:ListJobs", delay=0.4)
    jobs = [watched.job("parent-failed") for _ in range(4)]
    watched.stack.send(*(job.event for job in jobs))
    watched.stack.wait_until(lambda: all(_tried(watched, job.name) for job in jobs), "tried", timeout=20)
    watched.stack.cloud.clear_faults()

    assert [watched.told(job.name) for job in jobs] == [ONCE] * 4
    for (text,) in watched.texts(jobs[-1].name).values():
        assert "Not all failed children were looked up: there are too many, or AWS was slow." in text


def test_logs_that_cannot_be_looked_up_cost_their_links_alone(watched, name):
    fault = watched.stack.cloud.fail("batch:DescribeJobs", error="AccessDeniedException", status=403)
    watched.stack.submit(name, 3, ["sh", "-c", "exit 3"])
    watched.stack.wait_until(lambda: _tried(watched, name), "tried", timeout=20)
    watched.stack.cloud.clear_faults()

    assert fault.hits
    assert watched.told(name) == ONCE
    for (text,) in watched.texts(name).values():
        said = " ".join(text.split())
        assert f"{name} failed: all 3 children" in said
        assert "0-2" in said
        assert "log-events" not in said


def _tried(watched: Watched, name: str) -> bool:
    return all(watched.outcomes(name, notifier) for notifier in NOTIFIERS)
