"""Warnings about arrays that run: what arrives, and that it arrives once."""

from __future__ import annotations

import threading
import time
from datetime import datetime

import pytest

from batchbell.contract import Command, PermanentError, TemporaryError
from batchbell.dispatcher.manifest import Instance
from tests.dispatcher.watch.world import QUEUE, Array, Channel, World, failed_children

EARLY = {"early_failures": {"percent": 20, "at_least": 5}}
OVERDUE = {"overdue_after": [{"jobs": "nightly-*", "minutes": 60}]}
STALLED = {"stalled_after": 30}
ALL = {**EARLY, **OVERDUE, **STALLED}
HOUR = 3_600


def facts(message):
    return {fact.label: fact.value for fact in message.facts}


@pytest.fixture
def array(clock):
    return Array({"SUCCEEDED": 28, "FAILED": 12, "RUNNING": 10, "RUNNABLE": 50}, created=clock.now() - 600)


def test_many_failures_among_the_first_children_are_told_once_with_their_causes(array):
    world = World(**EARLY)
    world.batch.arrays.append(array)
    world.batch.children[array.id] = list(failed_children(array, 12))
    for _ in range(3):
        world.sweep()

    (message,) = world.ops.got
    assert message.title == "nightly-render: 12 of the first 40 children failed"
    assert (message.status, message.kind, message.severity) == ("EARLY", "early-failures", "warning")
    assert [(group.count, group.indexes, group.exit_code) for group in message.failures] == [(12, "0-11", 1)]
    assert message.commands == (
        Command(
            "To end the job",
            f"aws batch terminate-job --job-id {array.id} --reason 'Ended after a warning' --region us-east-1",
        ),
    )
    assert message.thread == array.arn
    assert world.queues.bodies == {"retry": [], "dead": []}


@pytest.mark.parametrize(
    ("succeeded", "failed", "told"),
    [(28, 12, 1), (20, 5, 1), (21, 5, 0), (0, 4, 0), (0, 5, 1), (60, 15, 1), (85, 15, 0)],
)
def test_both_the_share_and_the_number_of_failures_must_be_reached(array, succeeded, failed, told):
    world = World(**EARLY)
    array.counts = {"SUCCEEDED": succeeded, "FAILED": failed, "RUNNING": 100 - succeeded - failed}
    world.batch.arrays.append(array)
    world.sweep()

    # 85 and 15 are all: the outcome is about to come.
    assert len(world.ops.got) == told


def test_an_array_that_takes_too_long_was_composed_with_a_forecast_within_a_fifth_of_the_truth(clock):
    world = World(**OVERDUE)
    began = clock.now()
    array = Array({"RUNNABLE": 100}, created=began)
    world.batch.arrays.append(array)
    # A child takes 10 minutes, and 10 run at a time: 100 minutes in all, and the array waits 20 minutes before.
    for minute in range(0, 95, 5):
        done = max(0, (minute - 20) // 10) * 10
        array.counts = {"SUCCEEDED": done, "RUNNING": 10 if minute >= 20 else 0}
        array.counts["RUNNABLE"] = 100 - sum(array.counts.values())
        world.sweep()
        if world.ops.got:
            break
        clock.move(300)
    sent = clock.now()
    clock.move(300)
    world.sweep()

    (message,) = world.ops.got
    assert message.title == "nightly-render is overdue: 60 of 100 children done after 1 h"
    assert facts(message)["Expected within"] == "1 h"
    assert facts(message)["Rate"] == "1.1 children a minute"
    told = facts(message)["Ends"].removeprefix("At this rate it ends about ").partition(" UTC")[0]
    ends = datetime.fromisoformat(f"{told}+00:00").timestamp()
    assert ends - sent == pytest.approx(began + 120 * 60 - sent, rel=0.2)
    assert facts(message)["Ends"].endswith("in about 32 min")


def test_of_an_array_without_a_finished_child_nobody_can_tell_when_it_ends(clock):
    world = World(**OVERDUE)
    world.batch.arrays.append(Array({"RUNNING": 100}, started=clock.now() - 2 * HOUR))
    world.sweep()

    (message,) = world.ops.got
    assert message.title == "nightly-render is overdue: 0 of 100 children done after 2 h"
    assert message.notes == ("It cannot be told when it ends: no child has finished.",)


def test_an_array_that_waits_in_its_queue_is_not_overdue(clock):
    world = World(**OVERDUE)
    world.batch.arrays.append(Array({"RUNNABLE": 100}, created=clock.now()))
    # AWS does not document what a parent's startedAt is.
    world.batch.arrays.append(Array({"RUNNABLE": 100}, created=clock.now(), started=clock.now()))
    for _ in range(3):
        world.sweep()
        clock.move(HOUR)

    assert world.ops.got == []


def test_the_first_pattern_that_matches_a_name_says_how_long_a_job_may_run(clock):
    world = World(overdue_after=[{"jobs": "nightly-*", "minutes": 180}, {"jobs": "*", "minutes": 60}])
    for name in ("nightly-render", "hourly"):
        world.batch.arrays.append(Array({"RUNNING": 100}, name=name, started=clock.now() - 2 * HOUR))
    world.sweep()

    assert world.ops.titles() == ["hourly is overdue: 0 of 100 children done after 2 h"]


def test_an_array_that_ran_before_the_stack_watched_it_runs_since_its_first_child_started(clock):
    world = World(**OVERDUE)
    array = Array({"SUCCEEDED": 50, "RUNNING": 50}, first_child=clock.now() - 2 * HOUR)
    world.batch.arrays.append(array)
    world.sweep()

    assert world.ops.titles() == ["nightly-render is overdue: 50 of 100 children done after 2 h"]
    assert facts(world.ops.got[0])["Ends"].endswith("in about 40 min")


def test_an_array_of_which_no_child_has_finished_runs_since_its_first_child_started_too(clock):
    world = World(**OVERDUE)
    world.batch.arrays.append(Array({"RUNNING": 100}, first_child=clock.now() - 2 * HOUR))
    world.sweep()

    assert world.ops.titles() == ["nightly-render is overdue: 0 of 100 children done after 2 h"]


def test_an_array_that_stands_still_was_composed_with_what_aws_says_of_its_queue(clock, array):
    world = World(**STALLED)
    array.counts, array.counted = {"SUCCEEDED": 40, "RUNNABLE": 60}, clock.now()
    world.batch.arrays.append(array)
    for _ in range(9):
        world.sweep()
        clock.move(300)

    (message,) = world.ops.got
    assert message.title == "nightly-render is stalled: no child started or finished for 30 min"
    assert facts(message)["State of the queue"] == "ENABLED, VALID"
    assert facts(message)["Compute environment"] == "spot: ENABLED, INVALID: CLIENT_ERROR - the role is gone"
    assert facts(message)["Children"] == "100: 40 succeeded, 60 runnable"


def test_a_message_comes_though_aws_says_nothing_of_the_queue(clock, array):
    world = World(**STALLED)
    world.batch.arrays.append(array)
    world.batch.refuses["DescribeJobQueues"] = "AccessDeniedException"
    world.sweep()
    clock.move(HOUR)
    world.sweep()

    (message,) = world.ops.got
    assert facts(message)["State of the queue"] == "could not be looked up (AccessDeniedException)"


@pytest.mark.parametrize("state", ["SUCCEEDED", "RUNNING", "STARTING"])
def test_a_child_that_starts_or_finishes_is_movement(clock, array, state):
    world = World(**STALLED)
    world.batch.arrays.append(array)
    for _ in range(9):
        world.sweep()
        clock.move(20 * 60)
        array.counts["RUNNABLE"] -= 1
        array.counts[state] = array.counts.get(state, 0) + 1

    assert world.ops.got == []


def test_sweeps_that_were_missed_do_not_count_as_standing_still(clock, array):
    world = World(**STALLED)
    array.counted = clock.now() - 60
    world.batch.arrays.append(array)
    world.sweep()
    clock.move(5 * HOUR)
    array.counts["SUCCEEDED"] += 1
    array.counts["RUNNING"] -= 1
    array.counted = clock.now() - 60
    world.sweep()

    assert world.ops.got == []


def test_a_summary_that_is_older_than_the_last_one_is_no_movement(clock, array):
    world = World(**STALLED)
    world.batch.arrays.append(array)
    old, new = dict(array.counts), {"SUCCEEDED": 30, "FAILED": 12, "RUNNING": 8, "RUNNABLE": 50}
    array.counted = clock.now()
    for number in range(9):
        array.counts = new if number % 2 == 0 else old
        world.sweep()
        clock.move(300)

    assert [message.status for message in world.ops.got] == ["STALLED"]


@pytest.mark.parametrize(("state", "field"), [("RUNNING", "startedAt"), ("SUCCEEDED", "stoppedAt")])
def test_an_array_of_which_only_the_summary_stands_still_is_not_stalled(clock, array, state, field):
    world = World(**STALLED)
    array.counted = clock.now()
    world.batch.arrays.append(array)
    for _ in range(9):
        world.sweep()
        child = {"jobId": f"{array.id}:3", "jobName": array.name, "status": state, field: int(clock.now() * 1000) + 500}
        world.batch.children[array.id] = [child]
        clock.move(20 * 60)
    assert world.ops.got == []

    clock.move(20 * 60)
    world.sweep()
    assert world.ops.titles() == ["nightly-render is stalled: no child started or finished for 39 min 59 s"]


def test_a_warning_waits_while_aws_cannot_say_whether_only_the_summary_stands_still(clock, array):
    world = World(**STALLED)
    array.counted = clock.now()
    world.batch.arrays.append(array)
    world.sweep()
    clock.move(HOUR)
    world.batch.refuses["children"] = "TooManyRequestsException"
    world.sweep()
    assert world.ops.got == []

    world.batch.refuses.clear()
    world.sweep()
    assert world.ops.statuses() == {"STALLED": 1}


def test_an_array_whose_children_wait_for_another_job_is_not_stalled(clock):
    world = World(**STALLED)
    world.batch.arrays.append(Array({"PENDING": 100}))
    world.sweep()
    clock.move(HOUR)
    world.sweep()

    assert world.ops.got == []


def test_each_kind_of_warning_comes_once_for_a_job(clock, array):
    world = World(**ALL)
    array.counted = clock.now()
    world.batch.arrays.append(array)
    for _ in range(30):
        world.sweep()
        clock.move(300)

    assert world.ops.statuses() == {"EARLY": 1, "OVERDUE": 1, "STALLED": 1}


def test_warnings_go_to_those_who_ask_for_their_status_and_for_the_jobs_tags(array):
    early, failed, genomics, others = Channel(), Channel(), Channel(), Channel()
    world = World(
        Instance("early", early, statuses=["EARLY"]),
        Instance("failed", failed, statuses=["FAILED"]),
        Instance("genomics", genomics, tags={"team": ["genomics"]}),
        Instance("others", others, tags={"team": ["others"]}),
        **EARLY,
    )
    array.tags = {"team": "genomics"}
    world.batch.arrays.append(array)
    world.sweep()

    assert [len(channel.got) for channel in (early, failed, genomics, others)] == [1, 0, 1, 0]


def test_jobs_that_the_stack_does_not_watch_are_left_alone(array):
    world = World(definitions=["arn:aws:batch:us-east-1:123456789012:job-definition/render:7"], **EARLY)
    world.batch.arrays += [
        array,
        Array(array.counts, name="other", definition=array.definition.replace("render", "render-2")),
        Array(array.counts, name="elsewhere", queue=f"{QUEUE}-2"),
    ]
    world.batch.single_jobs.append(
        {"jobId": "1", "jobName": "single", "status": "PENDING", "jobDefinition": array.definition}
    )
    world.sweep()

    assert world.ops.titles() == ["nightly-render: 12 of the first 40 children failed"]


def test_a_stack_without_queues_watches_those_of_the_account(array):
    world = World(queues=[], **EARLY)
    world.batch.arrays += [array, Array(array.counts, name="elsewhere", queue=f"{QUEUE}-2")]
    world.sweep()

    assert sorted(message.job_name for message in world.ops.got) == ["elsewhere", "nightly-render"]


def test_the_error_of_one_queue_costs_the_others_nothing(array, caplog):
    caplog.set_level("DEBUG")
    world = World(queues=[QUEUE, f"{QUEUE}-2"], **EARLY)
    world.batch.arrays += [array, Array(array.counts, name="elsewhere", queue=f"{QUEUE}-2")]
    world.batch.refuses[QUEUE] = "ClientException"
    world.sweep()

    assert world.ops.titles() == ["elsewhere: 12 of the first 40 children failed"]
    assert "a sweep could not look at a job queue" in caplog.text and "secret text" not in caplog.text


def test_while_the_table_cannot_be_read_nothing_is_composed_and_the_next_sweep_does_it(array):
    world = World(**EARLY)
    world.batch.arrays.append(array)
    world.table.is_down = True
    world.sweep()
    assert world.ops.got == []

    world.table.is_down = False
    world.sweep()
    assert len(world.ops.got) == 1


def test_warnings_that_were_sent_cost_the_next_sweeps_reads_alone(clock):
    world = World(**ALL)
    for number in range(50):
        counts = {"SUCCEEDED": 10, "FAILED": 40, "RUNNING": 50}
        world.batch.arrays.append(Array(counts, name=f"nightly-{number}", started=clock.now()))
    world.sweep()
    clock.move(2 * HOUR)
    world.sweep()
    assert world.ops.statuses() == {"EARLY": 50, "OVERDUE": 50, "STALLED": 50}

    world.batch.calls.clear()
    world.table.calls.clear()
    clock.move(60)
    world.sweep()
    assert world.batch.calls == {"ListJobs": 3}
    # The queue's row, the arrays' and 150 warnings'; the queue's is written, since it was checked until later.
    assert world.table.calls == {"BatchGetItem": 4, "UpdateItem": 1}


def test_an_array_without_a_summary_is_described(array):
    world = World(**EARLY)
    array.is_summed_up = False
    world.batch.arrays.append(array)
    world.sweep()

    assert len(world.ops.got) == 1


def test_two_sweeps_at_once_give_each_warning_once(clock):
    world = World(queues=[QUEUE, f"{QUEUE}-2", f"{QUEUE}-3"], **ALL)
    for number in range(60):
        counts = {"SUCCEEDED": 10, "FAILED": 40, "RUNNING": 50}
        queue = world.watch["queues"][number % 3]
        world.batch.arrays.append(Array(counts, name=f"nightly-{number}", queue=queue, started=clock.now()))
    for _ in range(3):
        threads = [threading.Thread(target=world.sweep) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        clock.move(HOUR + 60)
    for _ in range(3):  # what one sweep left to the other is due later
        world.run(*[ticket | {"not_before": 0} for ticket in world.queues.take("retry")])

    assert world.ops.statuses() == {"EARLY": 60, "OVERDUE": 60, "STALLED": 60}
    assert len({message.key for message in world.ops.got}) == 180
    assert world.queues.bodies["dead"] == []


def test_several_sweeps_in_one_invocation_are_one(array):
    world = World(**EARLY)
    world.batch.arrays.append(array)
    world.run({"sweep": 1}, {"sweep": 2}, {"sweep": 1, "more": "fields"})

    assert len(world.ops.got) == 1
    assert world.batch.calls["ListJobs"] == 4  # running, succeeded, failed, and the failed children


def test_a_stack_that_no_longer_watches_lets_a_late_sweep_pass(array):
    world = World(**EARLY)
    world.batch.arrays.append(array)
    dispatcher = world.dispatcher()
    object.__setattr__(dispatcher, "watching", None)

    assert dispatcher.run([{"messageId": "1", "body": '{"sweep": 1}'}], 30) == {"batchItemFailures": []}
    assert world.ops.got == [] and not world.batch.calls


def refused(world, array, error=None):
    """Sweep while the channel refuses, and return the ticket, due."""
    world.ops.error = error or TemporaryError("slow down")
    world.batch.arrays.append(array)
    world.sweep()
    world.ops.error = None
    (ticket,) = world.queues.take("retry")
    return ticket | {"not_before": 0}


def test_a_warning_whose_ticket_comes_in_time_is_sent(array):
    world = World(**EARLY)
    world.run(refused(world, array))

    assert len(world.ops.got) == 1


@pytest.mark.parametrize("become", ["ended", "forgotten", "better"])
def test_a_warning_that_is_no_longer_true_when_its_ticket_comes_is_dropped(array, clock, become, caplog):
    world = World(**EARLY)
    ticket = refused(world, array)
    if become == "ended":
        array.finish("FAILED", clock.now())
    elif become == "forgotten":
        world.batch.arrays.clear()
    else:
        array.counts = {"SUCCEEDED": 80, "FAILED": 12, "RUNNING": 8}
    world.run(ticket)

    assert world.ops.got == [] and world.queues.bodies == {"retry": [], "dead": []}
    assert "warning dropped: no longer true" in caplog.text


def test_a_warning_that_was_dropped_comes_once_it_is_true_again(array, clock):
    world = World(**STALLED)
    world.batch.arrays.append(array)
    array.counted = clock.now()
    world.sweep()
    clock.move(HOUR)
    world.batch.arrays.clear()
    ticket = refused(world, array)
    array.counts = {**array.counts, "SUCCEEDED": 29, "RUNNING": 9}
    array.counted = clock.now()
    world.run(ticket)
    assert world.ops.got == []
    clock.move(60)
    world.sweep()
    clock.move(HOUR)
    world.sweep()

    assert world.ops.statuses() == {"STALLED": 1}


def test_a_warning_is_kept_while_aws_cannot_be_asked_whether_it_is_true(array, clock):
    world = World(**EARLY)
    ticket = refused(world, array)
    world.batch.refuses["DescribeJobs"] = "TooManyRequestsException"
    world.run(ticket)
    (kept,) = world.queues.take("retry")
    assert world.ops.got == [] and kept["message"] == ticket["message"]

    world.batch.refuses.clear()
    clock.move(60)
    world.run(kept)
    assert len(world.ops.got) == 1


def test_a_warning_becomes_a_dead_letter_if_aws_cannot_be_asked_for_hours(array, clock):
    world = World(**EARLY)
    ticket = refused(world, array)
    world.batch.refuses["DescribeJobs"] = "TooManyRequestsException"
    clock.move(5 * HOUR)
    world.run(ticket)

    (dead,) = world.queues.bodies["dead"]
    assert dead["reason"] == "whether it is still true could not be looked up"
    assert world.ops.got == []


def test_a_channel_that_refuses_a_warning_gets_no_second_ticket_from_the_next_sweep(array, clock):
    world = World(**EARLY)
    refused(world, array, TemporaryError("slow down"))
    world.sweep()

    assert world.queues.bodies["retry"] == [] and world.ops.got == []


def test_a_warning_that_a_channel_refuses_for_good_is_one_dead_letter(array):
    world = World(**EARLY)
    world.ops.error = PermanentError("no such channel")
    world.batch.arrays.append(array)
    for _ in range(3):
        world.sweep()

    assert len(world.queues.bodies["dead"]) == 1


def test_a_sweep_that_comes_again_after_a_crash_makes_up_for_tickets_that_were_never_posted(array):
    world = World(**EARLY)
    refused(world, array)  # its ticket is lost with the function
    world.sweep(received=2)

    assert len(world.ops.got) == 1


def test_five_hundred_arrays_in_three_queues_take_few_calls_and_little_time(clock):
    world = World(queues=[QUEUE, f"{QUEUE}-2", f"{QUEUE}-3"], **ALL)
    for number in range(500):
        counts = {"SUCCEEDED": 5_000, "FAILED": 3, "RUNNING": 100, "RUNNABLE": 4_897}
        queue = world.watch["queues"][number % 3]
        array = Array(counts, name=f"nightly-{number}", queue=queue, size=10_000, started=clock.now() - 600)
        world.batch.arrays.append(array)
    world.sweep()
    world.batch.calls.clear()
    world.table.calls.clear()
    began = time.process_time()
    world.sweep()

    assert world.batch.calls == {"ListJobs": 9}
    # Five times 100 rows of arrays, and the queues': nothing moved, so nothing is written.
    assert world.table.calls == {"BatchGetItem": 6}
    assert time.process_time() - began < 5
    assert world.ops.got == []
