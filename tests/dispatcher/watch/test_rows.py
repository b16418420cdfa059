"""The sweeps' rows in a real table of local AWS."""

from __future__ import annotations

import time
import uuid

import pytest

from batchbell.dispatcher.timing import Deadline
from batchbell.dispatcher.watch.lost import OVERLAP, SETTLED, Checked
from batchbell.dispatcher.watch.memory import Memory, Seen
from batchbell.dispatcher.watch.rows import Rows
from tests.dispatcher.watch.world import PLACE, QUEUE

NOW = 1_800_000_000.0


@pytest.fixture
def rows(cloud, table):
    return Rows(cloud.client("dynamodb"), table)


def test_two_hundred_rows_are_written_and_read(rows):
    memory = Memory(rows)
    seen = {f"{PLACE}:job/{uuid.uuid4()}": Seen(NOW, number, number + 5, NOW + number) for number in range(200)}
    memory.write(seen, NOW, Deadline.after(30))
    missing = f"{PLACE}:job/{uuid.uuid4()}"

    assert memory.read([*seen, missing], Deadline.after(30)) == {**seen, missing: Seen()}


def test_a_row_keeps_when_the_array_first_ran_and_never_goes_back(rows):
    memory, arn = Memory(rows), f"{PLACE}:job/{uuid.uuid4()}"
    for seen in (Seen(None, 0, 0, NOW), Seen(NOW + 60, 5, 10, NOW + 60), Seen(NOW + 90, 2, 3, NOW + 90)):
        memory.write({arn: seen}, NOW, Deadline.after(30))
    memory.write({arn: Seen(NOW + 90, 7, 10, NOW + 30)}, NOW, Deadline.after(30))

    assert memory.read([arn], Deadline.after(30)) == {arn: Seen(NOW + 60, 5, 10, NOW + 60)}

    memory.write({arn: Seen(NOW + 90, 6, 11, NOW + 120)}, NOW, Deadline.after(30))
    assert memory.read([arn], Deadline.after(30)) == {arn: Seen(NOW + 60, 6, 11, NOW + 120)}


def test_a_queue_is_checked_from_its_first_sweep_on(rows):
    queue, now = f"{QUEUE}-{uuid.uuid4().hex[:8]}", time.time()
    Checked.read(rows, [queue], now, Deadline.after(30)).advance(queue, now)
    assert Checked.read(rows, [queue], now + 60, Deadline.after(30)).until == {queue: pytest.approx(now, abs=0.001)}

    later = now + 2 * OVERLAP
    Checked.read(rows, [queue], later, Deadline.after(30)).advance(queue, later)
    until = Checked.read(rows, [queue], later, Deadline.after(30)).until
    assert until == {queue: pytest.approx(later - OVERLAP - SETTLED, abs=0.001)}
