"""Outcomes whose event never came: a sweep finds them, and nobody hears of them twice."""

from __future__ import annotations

import threading

import pytest

from batchbell.contract import TemporaryError
from batchbell.dispatcher.manifest import Instance
from tests.dispatcher.watch.world import QUEUE, Array, Channel, World

HOUR = 3_600


@pytest.fixture
def world(clock):
    """A stack that has watched for an hour."""
    world = World()
    world.sweep()
    clock.move(HOUR)
    return world


def ended(clock, status="SUCCEEDED", ago=900.0, **fields):
    array = Array({}, created=clock.now() - 2 * HOUR, **fields)
    array.finish(status, clock.now() - ago)
    return array


def missed(caplog):
    """How many lost outcomes the log counts."""
    return sum(getattr(record, "missed_events", 0) for record in caplog.records)


@pytest.mark.parametrize(
    ("status", "title"),
    [
        ("SUCCEEDED", "nightly-render succeeded: all 100 children"),
        ("FAILED", "nightly-render failed: 50 of 100 children"),
    ],
)
def test_the_outcome_of_a_lost_event_is_found_and_told_as_the_event_would_have(world, clock, caplog, status, title):
    array = ended(clock, status, tags={"team": "genomics"})
    world.batch.arrays.append(array)
    for _ in range(3):
        world.sweep()
        clock.move(300)
    found = world.ops.got.copy()
    assert missed(caplog) == 1

    told = World()
    told.batch.arrays.append(array)
    told.run(array.event())
    assert found == told.ops.got and found[0].title == title


def test_an_event_that_comes_late_is_nothing_new(world, clock):
    array = ended(clock)
    world.batch.arrays.append(array)
    world.sweep()
    world.run(array.event())
    world.run(array.event(), {"sweep": 1})

    assert len(world.ops.got) == 1


def test_an_event_beside_the_sweep_was_not_lost(world, clock, caplog):
    array = ended(clock)
    world.batch.arrays.append(array)
    world.run({"sweep": 1}, array.event())

    assert len(world.ops.got) == 1 and missed(caplog) == 0


def test_an_outcome_that_was_told_is_not_looked_up_again(world, clock, caplog):
    array = ended(clock)
    world.batch.arrays.append(array)
    world.run(array.event())
    world.batch.calls.clear()
    world.sweep()

    assert len(world.ops.got) == 1 and missed(caplog) == 0
    assert world.batch.calls == {"ListJobs": 3}


def test_an_event_is_given_ten_minutes_to_come(world, clock):
    world.batch.arrays.append(ended(clock, ago=500))
    world.sweep()
    assert world.ops.got == []

    clock.move(150)
    world.sweep()
    assert len(world.ops.got) == 1


def test_what_ended_before_the_queue_was_watched_is_not_told(clock):
    world = World()
    world.batch.arrays.append(ended(clock))
    for _ in range(30):
        world.sweep()
        clock.move(300)

    assert world.ops.got == []


def test_an_outcome_in_an_hour_without_sweeps_was_composed(world, clock):
    clock.move(30 * HOUR)
    world.batch.arrays.append(ended(clock, ago=20 * HOUR))
    world.sweep()

    assert len(world.ops.got) == 1


def test_a_parent_without_the_time_of_its_end_counts_from_its_last_summary(world, clock):
    array = ended(clock)
    array.counted, array.stopped = array.stopped, None
    world.batch.arrays.append(array)
    world.sweep()

    assert len(world.ops.got) == 1


def test_only_outcomes_that_somebody_takes_are_looked_for(clock, caplog):
    failed = Channel()
    world = World(Instance("failed", failed, statuses=["FAILED"]))
    world.sweep()
    clock.move(HOUR)
    world.batch.arrays += [ended(clock), ended(clock, "FAILED")]
    for _ in range(3):
        world.sweep()

    assert [message.status for message in failed.got] == ["FAILED"] and missed(caplog) == 1


def test_a_stack_that_tells_of_failures_alone_lists_them_alone(clock):
    world = World(statuses=["FAILED"])
    world.sweep()
    clock.move(HOUR)
    world.batch.arrays += [ended(clock), ended(clock, "FAILED")]
    world.sweep()

    assert world.ops.statuses() == {"FAILED": 1}


def test_a_ticket_for_an_outcome_means_that_it_is_not_lost(world, clock, caplog):
    array = ended(clock)
    world.batch.arrays.append(array)
    world.ops.error = TemporaryError("slow down")
    world.run(array.event())
    world.sweep()

    assert len(world.queues.bodies["retry"]) == 1 and missed(caplog) == 0


def test_a_sweep_that_comes_again_after_a_crash_makes_up_for_tickets_that_were_never_posted(clock):
    healthy, slow = Channel(), Channel()
    world = World(Instance("healthy", healthy), Instance("slow", slow))
    world.sweep()
    clock.move(HOUR)
    world.batch.arrays.append(ended(clock))
    slow.error = TemporaryError("slow down")
    world.sweep()  # its ticket is lost with the function
    slow.error = None
    world.sweep()
    assert (len(healthy.got), len(slow.got)) == (1, 0)

    world.sweep(received=2)
    assert (len(healthy.got), len(slow.got)) == (1, 1)


def test_an_outcome_is_found_though_two_sweeps_look_at_once(world, clock):
    world.batch.arrays += [ended(clock, name=f"nightly-{number}") for number in range(40)]
    threads = [threading.Thread(target=world.sweep) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.run(*[ticket | {"not_before": 0} for ticket in world.queues.take("retry")])

    assert sorted(message.job_name for message in world.ops.got) == sorted(f"nightly-{n}" for n in range(40))


@pytest.mark.parametrize("refused", [QUEUE, "DescribeJobs"])
def test_what_could_not_be_looked_at_is_looked_at_by_a_later_sweep(world, clock, refused):
    world.batch.arrays.append(ended(clock))
    world.batch.refuses[refused] = "TooManyRequestsException"
    for _ in range(40):
        world.sweep()
        clock.move(300)
    assert world.ops.got == []

    world.batch.refuses.clear()
    world.sweep()
    assert len(world.ops.got) == 1


def test_outcomes_whose_rows_could_not_be_read_are_looked_at_by_a_later_sweep(world, clock):
    world.batch.arrays.append(ended(clock))
    world.table.hides = "#SUCCEEDED"
    for _ in range(40):
        world.sweep()
        clock.move(300)
    assert world.ops.got == []

    world.table.hides = None
    world.sweep()
    assert len(world.ops.got) == 1


def test_a_long_list_is_read_to_its_end(world, clock):
    world.batch.page = 10
    world.batch.arrays += [ended(clock, name=f"nightly-{number}") for number in range(35)]
    world.sweep()

    assert len(world.ops.got) == 35


def test_rows_that_dynamodb_leaves_out_are_asked_for_again(world, clock):
    world.batch.arrays += [ended(clock, name=f"nightly-{number}") for number in range(35)]
    world.run(*[array.event() for array in world.batch.arrays])
    world.ops.got.clear()
    world.table.keeps_back = 1
    world.sweep()

    assert world.ops.got == []
