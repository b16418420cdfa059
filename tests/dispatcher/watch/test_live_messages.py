"""Live messages that sweeps keep up to date, from the first sweep to the job's end."""

from __future__ import annotations

import pytest

from batchbell.dispatcher.manifest import Instance
from tests.dispatcher.delivery.live_channel import LiveChannel
from tests.dispatcher.watch.world import Array, World


@pytest.fixture
def ops():
    return LiveChannel()


@pytest.fixture
def make_world(ops):
    """A stack with a channel that can change what it has sent."""
    return lambda *statuses: World(Instance("ops", ops, statuses=statuses, progress=True))


@pytest.fixture
def running(clock):
    return Array({"SUCCEEDED": 10, "FAILED": 2, "RUNNING": 20, "RUNNABLE": 68}, created=clock.now() - 900)


def sweep(world, clock, number=1):
    for _ in range(number):
        world.sweep()
        clock.move(300)


def test_a_job_has_one_live_message_which_follows_it_and_ends_as_its_outcome(make_world, ops, running, clock):
    world = make_world()
    world.batch.arrays.append(running)
    sweep(world, clock)
    running.counts = {"SUCCEEDED": 90, "FAILED": 2, "RUNNING": 8}
    sweep(world, clock)
    running.finish("FAILED", clock.now())
    world.run(running.event())
    sweep(world, clock, 5)
    (live,) = ops.live

    assert [one.status for one in live.shown] == ["RUNNING", "RUNNING", "RUNNING", "FAILED"]
    assert live.shown[1].title.startswith("nightly-render is running: 12 of 100 done, 2 failed")
    assert [(one.title, one.reply_to) for one in ops.others] == [(live.title, "receipt-0")]


def test_a_job_that_does_not_move_costs_no_write_and_no_edit(make_world, ops, running, clock):
    world = make_world()
    world.batch.arrays.append(running)
    sweep(world, clock, 2)
    world.table.calls.clear()
    sweep(world, clock, 3)
    (live,) = ops.live

    assert len(live.shown) == 2
    # The queue, what sweeps remember of the job, and its live message, in each sweep.
    assert world.table.calls == {"BatchGetItem": 9}


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED"])
def test_a_live_message_whose_end_no_event_tells_is_ended_by_a_sweep(make_world, ops, running, clock, status):
    """Also at a notifier that sends no message about that end."""
    world = make_world("RUNNING")
    world.batch.arrays.append(running)
    sweep(world, clock)
    running.finish(status, clock.now())
    sweep(world, clock, 5)
    (live,) = ops.live

    assert [one.status for one in live.shown] == ["RUNNING", "RUNNING", status]
    assert ops.others == []
