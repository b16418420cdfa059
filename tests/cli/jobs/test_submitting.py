"""Nothing is submitted twice: by a lost answer, by AWS's throttling, or by two operators at the same time."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from batchbell.cli.jobs import batch_api, display
from tests.cli.jobs.recorded_batch import CONTAINER, error

LOST = [
    lambda: ReadTimeoutError(endpoint_url="https://batch"),
    lambda: error("ServerException", "an internal error", status=500),
]


@pytest.mark.parametrize("lose", LOST, ids=["time-out", "server error"])
def test_a_job_whose_answer_was_lost_is_found_and_not_submitted_again(rerun, recorded, lose):
    def answer(request):
        recorded.accept(request)
        raise lose()

    recorded.fail = answer
    result = rerun(recorded.array(7, [2, 5]), "--yes", "--json")

    assert result.exit_code == 0, result.output
    assert len(recorded.submitted) == 1
    (submitted,) = json.loads(result.stdout)["submitted"]
    assert submitted["indexes"] == [2, 5]
    assert recorded.details[submitted["id"]]["jobName"] == "nightly-render"


@pytest.mark.parametrize("lose", LOST, ids=["time-out", "server error"])
def test_a_lost_answer_without_a_job_is_not_tried_again_by_itself(rerun, recorded, lose):
    def answer(request):
        raise lose()

    recorded.fail = answer
    result = rerun(recorded.array(7, [2, 5]), "--yes")

    assert (result.exit_code, recorded.calls.count("SubmitJob")) == (2, 1)
    assert "look into the queue before you try again" in result.stderr


@pytest.mark.parametrize("kind", [EndpointConnectionError, ConnectTimeoutError])
def test_what_never_reached_aws_is_an_error_and_nothing_is_looked_for(rerun, recorded, kind):
    def answer(request):
        raise kind(endpoint_url="https://batch")

    recorded.fail = answer
    result = rerun(recorded.array(7, [2, 5]), "--yes")

    assert (result.exit_code, recorded.calls[-1]) == (2, "SubmitJob")
    assert "https://batch" in result.stderr


def test_a_throttled_submission_is_tried_again(rerun, recorded):
    refusals = [error("TooManyRequestsException", status=429)] * 3

    def answer(request):
        if refusals:
            raise refusals.pop()

    recorded.fail = answer

    assert rerun(recorded.array(7, [2, 5]), "--yes").exit_code == 0
    assert len(recorded.submitted) == 1


def test_the_client_that_submits_makes_one_attempt():
    assert batch_api.ONCE.retries["total_max_attempts"] == 1


def test_what_somebody_else_submits_during_the_question_is_not_submitted_again(rerun, recorded, monkeypatch):
    job = recorded.array(7, [2, 5])
    ask = display.question

    def question(plan):
        assert rerun(job, "--yes").exit_code == 0  # a colleague is faster
        return ask(plan)

    monkeypatch.setattr(display, "question", question)
    result = rerun(job, answer="y\n")

    assert (result.exit_code, len(recorded.submitted)) == (2, 1), result.output
    assert "somebody has just submitted the rerun" in result.stderr


def test_the_jobs_before_one_that_is_refused_are_shown_and_the_next_rerun_takes_the_rest(rerun, recorded):
    environment = [{"name": "LONG", "value": "x" * 28_500}]
    job = recorded.array(10_000, range(0, 1_000, 2), container={**CONTAINER, "environment": environment})

    def answer(request):
        if len(recorded.submitted) == 1:
            raise error("ClientException", "Job queue render is not in ENABLED state")

    recorded.fail = answer
    result = rerun(job, "--yes")
    assert result.exit_code == 2
    assert "Submitted" in result.stdout and "not in ENABLED state" in result.stderr
    recorded.fail = lambda request: None
    for id_ in recorded.details:
        recorded.failed.setdefault(id_, [])
    rest = json.loads(rerun(job, "--yes", "--json").stdout)

    taken = [index for one in rest["submitted"] for index in one["indexes"]]
    assert sorted([*taken, *rest["left_out"]["in_earlier_reruns"]]) == list(range(0, 1_000, 2))
    assert taken and rest["left_out"]["in_earlier_reruns"]


def test_earlier_reruns_are_found_among_many_jobs_and_under_another_name(rerun, recorded):
    job = recorded.array(7, [2, 5])
    rerun(job, "--yes", "--name", "by-hand")
    for _ in range(250):
        recorded.add(jobName="other")
    result = rerun(job, "--dry-run")

    assert "Earlier rerun" in result.stdout
    assert "Nothing to run again." in result.stdout


def test_a_queue_with_more_jobs_than_are_looked_through_is_said(rerun, recorded):
    job = recorded.array(7, [2, 5])
    for _ in range(1_001):
        recorded.add(jobName="other")

    assert "more jobs than the 1,000 that were looked through" in rerun(job, "--dry-run").stdout
