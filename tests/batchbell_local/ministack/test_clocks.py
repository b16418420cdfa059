from __future__ import annotations

import time
from typing import Any

import pytest

from batchbell_local.cloud import LocalCloud

TELL_TIME = """
import os, time

def handler(event, context):
    left = context.get_remaining_time_in_millis()
    return {"pid": os.getpid(), "time": time.time(), "ns": time.time_ns(), "left": left}
"""
HOUR = 3_600


@pytest.fixture
def shifted_back(own_cloud: LocalCloud) -> Any:
    yield own_cloud
    own_cloud.shift_clock(0)


def test_a_process_keeps_the_clock_that_it_started_with(shifted_back: LocalCloud, deploy: Any) -> None:
    cloud = shifted_back
    function = deploy(TELL_TIME, on=cloud)
    right = function.invoke()
    cloud.shift_clock(HOUR)
    still_right = function.invoke()
    cloud.restart_functions()
    ahead = function.invoke()
    started = cloud.shift_clock(-HOUR)
    cloud.restart_functions()
    behind = function.invoke()
    now = time.time()

    assert right["pid"] == still_right["pid"] != ahead["pid"]
    assert started == 1
    shifts = [answer["time"] - now for answer in (right, still_right, ahead, behind)]
    assert shifts == pytest.approx([0, 0, HOUR, -HOUR], abs=HOUR / 10)
    assert ahead["ns"] / 1e9 == pytest.approx(ahead["time"], abs=HOUR / 10)
    assert 0 < ahead["left"] <= 10_000


def test_descriptors_are_counted_for_each_process_that_runs(own_cloud: LocalCloud, deploy: Any) -> None:
    function = deploy(
        "import socket\nkept = []\ndef handler(event, context):\n    kept.extend(socket.socket() for _ in range(50))\n",
        on=own_cloud,
    )
    function.invoke()
    before = max(own_cloud.count_descriptors(), default=0)
    if not before:
        pytest.skip("there is no /proc")
    function.invoke()

    assert max(own_cloud.count_descriptors()) == before + 50


def test_the_peak_of_a_process_s_memory_is_measured(own_cloud: LocalCloud, deploy: Any) -> None:
    function = deploy("def handler(event, context):\n    bytearray(b'1' * event)\n", on=own_cloud)
    function.invoke(1)
    before = max(own_cloud.peak_memory(), default=0)
    if not before:
        pytest.skip("there is no /proc")
    function.invoke(60_000_000)

    assert max(own_cloud.peak_memory()) >= before + 50_000
