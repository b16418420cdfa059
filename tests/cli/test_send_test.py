from __future__ import annotations

import os
import signal
import subprocess
import sys
from urllib.parse import urlsplit

from tests.waiting import patience


def by_name(answer):
    return {one["name"]: (one["state"], one["reason"]) for one in answer["notifiers"]}


def slack_tests(operator):
    """Texts of test messages that Slack accepted."""
    return [payload["text"] for payload in operator.stack.sink.accepted if "Test message" in payload["text"]]


def test_every_notifier_gets_a_marked_message_and_each_outcome_is_shown(operator):
    before = len(slack_tests(operator)), len(operator.stack.mails("Test message"))
    answer = operator.answer("send-test")

    assert by_name(answer) == dict.fromkeys(("slack", "email", "sns"), ("delivered", None))
    assert answer["function"] == operator.stack.deployment.outputs["function_name"]
    assert (len(slack_tests(operator)), len(operator.stack.mails("Test message"))) == (
        before[0] + 1,
        before[1] + 1,
    )
    assert "only a test" in slack_tests(operator)[-1]


def test_a_dead_webhook_is_reported_with_its_reason_and_the_others_deliver(operator):
    operator.let_slack_answer(status=404)
    before = len(operator.stack.mails("Test message"))
    result = operator.run("send-test")

    assert result.exit_code == 1, result.output
    (line,) = (line for line in result.stdout.splitlines() if "slack" in line and "refused" in line)
    assert "Slack answered 404 no_service" in line
    assert len([line for line in result.stdout.splitlines() if "delivered" in line]) == 2
    assert len(operator.stack.mails("Test message")) == before + 1
    assert urlsplit(operator.stack.sink.url).path not in result.output


def test_a_failed_test_leaves_nothing_behind_to_clean_up(operator):
    operator.let_slack_answer(status=503)
    answer = operator.answer("send-test", "--notifier", "slack", exit_code=1)
    operator.stack.wait_until_idle()

    assert by_name(answer) == {"slack": ("failed", "Slack answered 503")}
    counts = operator.answer("status", exit_code=1)  # since Slack failed
    for queue in ("retry", "dead_letters"):
        assert counts["queues"][queue]["waiting"] + counts["queues"][queue]["delayed"] == 0


def test_only_the_named_notifiers_get_it(operator):
    before = len(operator.stack.mails("Test message"))
    answer = operator.answer("send-test", "--notifier", "slack", "--notifier", "sns")

    assert set(by_name(answer)) == {"slack", "sns"}
    assert len(operator.stack.mails("Test message")) == before


def test_an_unknown_notifier_is_reported_with_the_existing_ones(operator):
    result = operator.run("send-test", "--notifier", "slak")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "no notifier slak" in result.stderr
    assert "slack, email, sns" in result.stderr


def test_a_function_that_polls_no_queue_is_reported_and_nothing_is_sent(operator, function_stopped):
    result = operator.run("send-test")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "Disabled" in result.stderr
    assert operator.stack.in_queue("intake_queue_url") == 0


def test_a_missing_outcome_is_reported_with_where_to_look(operator):
    operator.let_slack_answer(status=200, delay=2.5)
    answer = operator.answer("send-test", "--wait", "1", "--notifier", "slack", exit_code=2)

    (state, reason) = by_name(answer)["slack"]
    assert state == "no answer"
    assert "status" in reason and "log" in reason
    operator.stack.wait_until_idle()


def test_the_test_is_put_into_the_named_queue(operator):
    outputs = operator.stack.deployment.outputs
    answer = operator.answer("send-test", "--notifier", "sns", "--queue", outputs["intake_queue_url"])
    assert by_name(answer) == {"sns": ("delivered", None)}

    result = operator.run("send-test", "--queue", outputs["dead_letter_queue_url"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "missing" in result.stderr
    assert operator.stack.in_queue("dead_letter_queue_url") == 0


def test_ctrl_c_ends_the_waiting_without_a_traceback(operator, project):
    operator.let_slack_answer(status=200, delay=3)
    before = len(operator.stack.sink.requests)
    process = subprocess.Popen(
        [sys.executable, "-m", "batchbell", "send-test", "--function", operator.deployed.function],
        cwd=project,
        env=os.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # If the tests run in the background, SIGINT is ignored, and all children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    operator.stack.sink.wait_for_requests(before + 1, timeout=patience(20))
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=patience(20))

    assert (process.returncode, output) == (130, "")
    assert "are still delivered" in errors
    assert "Traceback" not in errors
    operator.stack.wait_until_idle()


def test_the_documented_permissions_are_enough(operator, documented_permissions):
    assert by_name(operator.answer("send-test", "--notifier", "sns")) == {"sns": ("delivered", None)}
