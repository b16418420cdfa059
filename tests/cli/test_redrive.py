from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

import pytest

from batchbell.cli.deployed import move_task
from batchbell.dispatcher.timing import Timing
from tests.end_to_end.stack import TIMEOUT
from tests.waiting import patience


@pytest.fixture
def too_old(operator, finished):
    """The body of a ticket whose four hours are over (less, if the function's timeout is shorter)."""
    event = finished()
    operator.refuse(event)
    (body,) = operator.stack.dead_letters()
    return body | {"first_tried": time.time() - Timing(TIMEOUT).ticket_lifetime - 60, "attempt": 25}


@dataclass(frozen=True)
class Tasks:
    """The move tasks of the dead-letter queue."""

    sqs: Any
    source: str
    destination: str

    def start(self) -> str:
        """Start a slow one; return its handle."""
        answer = self.sqs.start_message_move_task(
            SourceArn=self.source, DestinationArn=self.destination, MaxNumberOfMessagesPerSecond=1
        )
        return str(answer["TaskHandle"])

    def all(self) -> list[dict[str, Any]]:
        """Return all of them, the newest first."""
        found: list[dict[str, Any]] = self.sqs.list_message_move_tasks(SourceArn=self.source, MaxResults=10)["Results"]
        return found


@pytest.fixture
def tasks(operator):
    sqs, outputs = operator.stack.cloud.client("sqs"), operator.stack.deployment.outputs

    def arn(output):
        answer = sqs.get_queue_attributes(QueueUrl=outputs[output], AttributeNames=["QueueArn"])
        return answer["Attributes"]["QueueArn"]

    return Tasks(sqs, arn("dead_letter_queue_url"), arn("retry_queue_url"))


@pytest.fixture
def waiting(operator, project):
    """Start `redrive` in a process of its own, which can be interrupted, and wait until it waits for a task."""
    started = []

    def start():
        function = operator.stack.deployment.outputs["function_name"]
        process = subprocess.Popen(
            [sys.executable, "-m", "batchbell", "redrive", "--function", function],
            cwd=project,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # If the tests run in the background, SIGINT is ignored, and all children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        started.append(process)
        assert process.stderr and "waiting for it" in process.stderr.readline()
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_refused_message_arrives_after_a_redrive_and_is_not_repeated_elsewhere(operator, finished, tasks, name):
    stack, event = operator.stack, finished()
    operator.refuse(event)
    planned = operator.answer("redrive", "--dry-run")
    assert planned["dry_run"] is True
    assert planned["task"] is None
    (group,) = planned["dead_letters"]["groups"]
    assert (group["notifier"], group["reason"], group["count"]) == ("slack", "Slack answered 404 no_service", 1)
    assert (stack.in_queue("dead_letter_queue_url"), stack.slack(name)) == (1, [])
    assert "sent" not in operator.ledger_row(event, "slack")
    mailed = operator.ledger_row(event, "email")["sent"]

    done = operator.answer("redrive")
    assert (done["dry_run"], done["dead_letters"]["total"]) == (False, 1)
    assert done["task"] == {"state": "COMPLETED", "moved": 1, "to_move": 1, "reason": None, "followed": False}
    assert tasks.all()[0]["DestinationArn"] == tasks.destination
    stack.wait_until(lambda: stack.slack(name), "delivered", timeout=20)
    stack.wait_until_idle()

    assert stack.unexplained(name) == {}
    assert "sent" in operator.ledger_row(event, "slack")
    assert operator.ledger_row(event, "email")["sent"] == mailed
    assert stack.in_queue("dead_letter_queue_url") == 0


def test_the_output_says_how_many_were_moved_and_what_happens_next(operator, function_stopped, ticket):
    operator.bury(ticket())
    result = operator.run("redrive")

    assert result.exit_code == 0, result.output
    assert "1 dead letter moved to the retry queue" in result.stdout
    assert "`status` shows" in result.stdout


def test_without_dead_letters_it_starts_no_task(operator, tasks):
    before = tasks.all()
    result = operator.run("redrive")

    assert result.exit_code == 0, result.output
    assert "no dead letters" in result.stdout
    assert operator.answer("redrive")["task"] is None
    assert operator.answer("redrive", "--dry-run")["dead_letters"] == {
        "total": 0,
        "sampled": 0,
        "copies": 0,
        "groups": [],
    }
    assert tasks.all() == before


def test_an_old_ticket_is_retried_for_another_four_hours(operator, too_old, name):
    stack = operator.stack
    operator.bury(too_old)
    stack.sink.stop_listening()
    try:
        operator.answer("redrive")
        stack.wait_until(lambda: stack.in_queue("retry_queue_url") == 1 and tried(stack, name), "tried", timeout=20)
        assert stack.in_queue("dead_letter_queue_url") == 0
    finally:
        stack.sink.listen()
    stack.wait_until(lambda: stack.slack(name), "delivered", timeout=30)
    stack.wait_until_idle()

    assert stack.in_queue("dead_letter_queue_url") == 0
    assert stack.unexplained(name) == {}


def tried(stack, name):
    """The log lines of failed attempts to send a message about that job to Slack."""
    return [line for line in stack.log().splitlines() if name in line and '"temporary"' in line]


def test_a_running_task_is_followed_and_no_other_is_started(operator, tasks, function_stopped, ticket):
    operator.bury(ticket(), ticket(), ticket())
    before = len(tasks.all())
    tasks.start()
    done = operator.answer("redrive")

    assert (done["task"]["followed"], done["task"]["state"], done["task"]["moved"]) == (True, "COMPLETED", 3)
    assert len(tasks.all()) == before + 1


def test_a_second_redrive_at_the_same_time_starts_no_task(operator, tasks, function_stopped, ticket):
    operator.bury(*(ticket() for _ in range(30)))
    handle = tasks.start()

    assert move_task.start(operator.deployed) is None
    tasks.sqs.cancel_message_move_task(TaskHandle=handle)


def test_an_earlier_task_is_not_mistaken_for_one_that_is_not_listed_yet(operator, tasks, function_stopped, ticket):
    operator.bury(ticket())
    operator.answer("redrive")
    before = move_task.list_tasks(operator.deployed)
    operator.bury(ticket())
    later = threading.Timer(0.5, tasks.start)
    later.start()
    followed = list(move_task.follow(operator.deployed, before))
    later.join()

    assert {task.started for task in followed}.isdisjoint(task.started for task in before)
    assert followed[-1].state == "COMPLETED"


def test_ctrl_c_ends_the_waiting_but_not_the_task(operator, tasks, waiting, function_stopped, ticket):
    operator.bury(*(ticket() for _ in range(10)))
    handle = tasks.start()
    process = waiting()
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=patience(20))
    task = tasks.all()[0]
    tasks.sqs.cancel_message_move_task(TaskHandle=handle)

    assert (process.returncode, output) == (130, "")
    assert "SQS continues" in errors
    assert f"cancel-message-move-task --task-handle {handle}" in errors
    assert "Traceback" not in errors
    assert (task["TaskHandle"], task["Status"]) == (handle, "RUNNING")


def test_a_cancelled_task_is_reported_with_the_number_that_it_moved_and_exit_code_1(
    operator, tasks, waiting, function_stopped, ticket
):
    operator.bury(*(ticket() for _ in range(10)))
    handle = tasks.start()
    process = waiting()
    tasks.sqs.cancel_message_move_task(TaskHandle=handle)
    moved = tasks.all()[0]["ApproximateNumberOfMessagesMoved"]
    output, errors = process.communicate(timeout=patience(20))

    assert process.returncode == 1, errors
    assert "The task is CANCELLED. " in output
    assert f"It moved {moved} dead letter" in output
    assert "the others are still in the dead-letter queue" in output


def test_the_documented_permissions_are_enough(operator, function_stopped, ticket, documented_permissions):
    operator.bury(ticket())

    assert operator.answer("status", exit_code=1)["dead_letters"]["sampled"] == 1
    assert operator.answer("redrive")["task"]["moved"] == 1
