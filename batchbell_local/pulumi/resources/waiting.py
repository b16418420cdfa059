"""Waits for AWS to finish a change. Locally that takes milliseconds, so polling is frequent."""

from __future__ import annotations

import time
from collections.abc import Callable

from .errors import AwsRefusal

TIMEOUT = 60.0  # seconds
POLL_INTERVAL = 0.05  # seconds


def wait(done: Callable[[], bool], complaint: str) -> None:
    """Poll until `done`. Raises AwsRefusal with the complaint after TIMEOUT seconds."""
    deadline = time.monotonic() + TIMEOUT
    while not done():
        if time.monotonic() > deadline:
            raise AwsRefusal(f"{complaint} after {TIMEOUT:.0f} seconds")
        time.sleep(POLL_INTERVAL)
