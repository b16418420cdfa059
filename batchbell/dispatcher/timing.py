"""How long each part of a delivery may take: all of it hangs on one setting, the function's timeout.

The figures are for a timeout of 30 s; another timeout scales every one of them, so that a test with 3 s sees the same
behaviour ten times as fast. The queues' visibility timeout (6 times the function's timeout, as AWS asks for: Lambda
Developer Guide, "Using Lambda with Amazon SQS") is set from the same setting at deploy time.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

REFERENCE_TIMEOUT = 30  # s; what the figures below are written for
MAX_SQS_DELAY = 900  # s; SQS API reference, SendMessage
LOOK_UP_CALLS = 11  # AWS calls an invocation: 10 pages of children and one DescribeJobs


@dataclass(frozen=True)
class Timing:
    """Durations in seconds for a function with `timeout` seconds."""

    timeout: float = REFERENCE_TIMEOUT

    def scaled(self, seconds: float) -> float:
        return seconds * self.timeout / REFERENCE_TIMEOUT

    @property
    def call(self) -> float:
        """The read time-out of one call to AWS for our own needs, below which a busy machine would be cut off."""
        return max(0.5, self.scaled(1.5))

    @property
    def reserve(self) -> float:
        """What is left to Lambda at the end."""
        return self.scaled(2)

    @property
    def wrap_up(self) -> float:
        """What is kept for tickets and dead letters."""
        return self.scaled(6)

    @property
    def late_marks(self) -> float:
        """For telling the ledger what got no answer in time."""
        return self.scaled(1.5)

    @property
    def look_ups(self) -> float:
        return self.scaled(5)

    @property
    def claims(self) -> float:
        """For claiming the messages of a digest, one by one."""
        return self.scaled(3)

    @property
    def sends(self) -> float:
        """Claims included."""
        return self.scaled(15)

    @property
    def patience(self) -> float:
        """The longest that a channel may ask to wait and be waited for, within the time for sends."""
        return self.scaled(5)

    @property
    def hanging(self) -> float:
        """A failed attempt that took longer has timed out: no channel needs as long to say no, be the machine busy."""
        return max(1.0, self.scaled(2))

    @property
    def rest(self) -> float:
        """How long a channel that hangs is left alone by a process."""
        return self.scaled(30)

    @property
    def slot(self) -> float:
        """Tickets of one notifier come back together, at the next multiple of this on the clock. A channel that asks
        to wait again and again is left alone for as long: longer, and it idles while its tickets wait."""
        return max(1.0, self.scaled(10))

    @property
    def lease_margin(self) -> float:
        """How long after this invocation's deadline its claims still hold."""
        return self.scaled(5)

    @property
    def ledger_pause(self) -> float:
        """When to try again after the ledger could not be written."""
        return self.scaled(30)

    @property
    def ticket_lifetime(self) -> float:
        return self.scaled(4 * 3600)

    @property
    def oldest_ticket(self) -> float:
        """No ticket that goes round gets older: an older one was a dead letter, or the function was off."""
        return self.ticket_lifetime + 2 * self.scaled(MAX_SQS_DELAY)

    @property
    def silence(self) -> float:
        """A channel that failed for so long without a success is dead."""
        return self.scaled(15 * 60)

    @property
    def announcements(self) -> float:
        """A dead channel is announced again after this time."""
        return self.scaled(3600)

    def retry_delay(self, attempt: int) -> float:
        """After the given number of counted attempts (0 for the first): 15 s, doubling, at most 15 minutes."""
        return self.scaled(min(900.0, 15.0 * 2 ** min(attempt, 10)))

    def ticket_delay(self, due: float, now: float) -> int:
        """Whole seconds until `due`, rounded up to the next slot. Both arguments are epoch seconds."""
        delay = math.ceil(due / self.slot) * self.slot - now
        return max(0, min(MAX_SQS_DELAY, math.ceil(delay)))


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        return cls(time.monotonic() + seconds)

    @property
    def left(self) -> float:
        return max(0.0, self.at - time.monotonic())

    @property
    def passed(self) -> bool:
        return self.left <= 0
