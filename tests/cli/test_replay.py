from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest

from tests.waiting import FACTOR


def by_name(answer):
    return {one["name"]: (one["state"], one["reason"]) for one in answer["notifiers"]}


@pytest.fixture
def file(tmp_path):
    def write(event):
        path = tmp_path / "event.json"
        path.write_text(event if isinstance(event, str) else json.dumps(event))
        return str(path)

    return write


def test_a_new_event_reaches_every_notifier(operator, finished, name, file):
    answer = operator.answer("replay", file(finished()))

    assert by_name(answer) == dict.fromkeys(("slack", "email", "sns"), ("delivered", None))
    assert answer["message"] == f"{name} succeeded: all 7 children"
    assert operator.stack.unexplained(name) == {}


def test_a_notifier_that_has_the_message_does_not_get_it_again_and_the_command_says_so(operator, finished, name, file):
    event = finished()
    operator.let_slack_answer(status=404)
    operator.answer("replay", file(event), exit_code=1)
    operator.let_slack_answer(status=200)
    answer = operator.answer("replay", file(event))

    assert by_name(answer)["slack"] == ("delivered", None)
    assert [by_name(answer)[one][0] for one in ("email", "sns")] == ["had it already"] * 2
    assert by_name(answer)["email"][1].startswith("since 20")
    assert operator.stack.unexplained(name) == {}

    again = operator.run("replay", file(event))
    assert again.exit_code == 0
    assert "Nothing was sent" in again.stdout
    assert operator.stack.unexplained(name) == {}


def test_a_refusal_is_reported_with_its_reason_and_its_dead_letter(operator, finished, file):
    operator.let_slack_answer(status=404)
    result = operator.run("replay", file(finished()))

    assert result.exit_code == 1
    assert "Slack answered 404 no_service" in result.stdout
    assert "dead letter" in result.stdout
    operator.stack.wait_until(lambda: operator.stack.in_queue("dead_letter_queue_url") == 1, "a dead letter")
    assert urlsplit(operator.stack.sink.url).path not in result.output


def test_a_second_refusal_is_not_mistaken_for_the_first(operator, finished, file):
    event = finished()
    operator.let_slack_answer(status=404)
    operator.answer("replay", file(event), exit_code=1)
    operator.let_slack_answer(status=400, body="invalid_payload")

    assert by_name(operator.answer("replay", file(event), exit_code=1))["slack"] == (
        "refused",
        "Slack answered 400 invalid_payload",
    )


def test_a_temporary_failure_is_waited_for_until_the_retry_delivers(operator, finished, name, file):
    operator.let_slack_answer(status=503, times=1)

    assert by_name(operator.answer("replay", file(finished())))["slack"] == ("delivered", None)
    assert operator.stack.unexplained(name) == {}


def test_a_failure_that_lasts_until_the_timeout_is_reported(operator, finished, name, file):
    operator.let_slack_answer(status=503)
    answer = operator.answer("replay", file(finished()), "--wait", str(3 * FACTOR), exit_code=1)

    assert by_name(answer)["slack"] == ("failed", "Slack answered 503")
    operator.stack.wait_until(lambda: operator.stack.in_queue("retry_queue_url") == 1, "a ticket")
    operator.stack.cloud.client("sqs").purge_queue(QueueUrl=operator.stack.deployment.outputs["retry_queue_url"])


@pytest.mark.parametrize(
    ("sample", "says"),
    [
        ("child-failed-ec2", "child 3 of an array job"),
        ("node-succeeded", "node 1 of a multi-node job"),
        ("single-failed", "`single_jobs: true` includes single jobs"),
        ("parent-failed", "it ran on another job queue"),
        ("not JSON", "is not JSON"),
    ],
)
def test_an_event_that_no_rule_of_the_stack_matches_is_refused_and_nothing_is_sent(operator, event, file, sample, says):
    result = operator.run("replay", file(sample if " " in sample else event(sample)))

    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert operator.stack.in_queue("intake_queue_url") == 0


def test_a_queue_to_which_no_rule_sends_is_reported_on_one_line(operator, finished, file):
    result = operator.run("replay", file(finished()), "--queue", operator.dead_letter_url)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("no rule sends events to the stack's intake queue")
    assert operator.stack.in_queue("dead_letter_queue_url") == 0


def test_the_documented_permissions_are_enough(operator, finished, name, file, documented_permissions):
    assert by_name(operator.answer("replay", file(finished())))["slack"] == ("delivered", None)
