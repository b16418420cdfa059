"""Waiting for AWS to finish a change. Locally that is a matter of milliseconds, so looks are frequent."""

from __future__ import annotations

import time
from collections.abc import Callable

from .errors import AwsRefusal

PATIENCE = 60.0  # seconds
POLL = 0.05  # seconds


def wait(done: Callable[[], bool], complaint: str) -> None:
    """Look until done. Raises AwsRefusal with the complaint after PATIENCE seconds."""
    deadline = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > deadline:
            raise AwsRefusal(f"{complaint} after {PATIENCE:.0f} seconds")
        time.sleep(POLL)
