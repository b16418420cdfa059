"""How long each part of a delivery may take. All of it follows from one setting, the function's timeout.

The figures are for a timeout of 30 s; another timeout scales all of them, so a test with 3 s sees the same behaviour
ten times as fast. The deploy derives the queues' visibility timeout from the same setting.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import cached_property

from batchbell.wire import late_after

REFERENCE_TIMEOUT = 30  # s; what the figures below are written for
MAX_SQS_DELAY = 900  # s; SQS API reference, SendMessage
LOOK_UP_CALLS = 11  # AWS calls an invocation: 10 pages of children and one DescribeJobs
SWEEP_CALLS = 150  # further ones of a sweep: 3 lists of 40 job queues, and what they do not tell
LOG_CALLS = 3  # further ones, for the ends of logs: of the largest groups


@dataclass(frozen=True)
class Timing:
    """Durations in seconds for a function with `timeout` seconds. Each is computed once."""

    timeout: float = REFERENCE_TIMEOUT

    def scaled(self, seconds: float) -> float:
        return seconds * self.timeout / REFERENCE_TIMEOUT

    @cached_property
    def call(self) -> float:
        """The read time-out of the dispatcher's own calls to AWS; shorter ones would fail on a busy machine."""
        return max(0.5, self.scaled(1.5))

    @cached_property
    def posting(self) -> float:
        """The read time-out of a call that posts tickets: each answer that comes too late is a copy of them.

        It is nearly all of the time that is kept for posting. With a shorter one, a slow SQS gets several copies in
        each invocation, which are more work in the next ones, and so on: 200 jobs became 25,000 tickets.
        """
        return max(self.call, self.scaled(5))

    @cached_property
    def reserve(self) -> float:
        """Left to Lambda at the end."""
        return self.scaled(2)

    @cached_property
    def last_moments(self) -> float:
        """The part of the reserve that tickets and dead letters may use: a record that stays costs a receive."""
        return self.reserve / 2

    @cached_property
    def wrap_up(self) -> float:
        """Kept for tickets and dead letters."""
        return self.scaled(6)

    @cached_property
    def unknown_marks(self) -> float:
        """For marking deliveries as unknown in the ledger."""
        return self.scaled(1.5)

    @cached_property
    def look_ups(self) -> float:
        return self.scaled(5)

    @cached_property
    def sweep(self) -> float:
        """For a sweep, beside the look-ups for its messages."""
        return self.scaled(5)

    @cached_property
    def claims(self) -> float:
        """For claiming the messages of a digest, one by one."""
        return self.scaled(3)

    @cached_property
    def sends(self) -> float:
        """Claims included."""
        return self.scaled(15)

    @cached_property
    def longest_wait(self) -> float:
        """The longest Retry-After that is waited out within the invocation."""
        return self.scaled(5)

    @cached_property
    def hang_threshold(self) -> float:
        """A failed attempt that took longer counts as hung: even on a busy machine no refusal takes as long."""
        return max(1.0, self.scaled(2))

    @cached_property
    def breaker_pause(self) -> float:
        """How long a process sends nothing to a channel that hung."""
        return self.scaled(30)

    @cached_property
    def longest_breaker_pause(self) -> float:
        """The same, if the channel asks for longer."""
        return self.scaled(300)

    @cached_property
    def ticket_slot(self) -> float:
        """Tickets of one notifier become due together, at multiples of this on the clock, so that they form a digest.

        The breaker stays open for as long after repeated requests to wait: longer, and the channel would idle while
        its tickets are due.
        """
        return max(1.0, self.scaled(10))

    @cached_property
    def lease_margin(self) -> float:
        """How long claims hold after the invocation's deadline."""
        return self.scaled(5)

    @cached_property
    def ledger_pause(self) -> float:
        """The delay of a ticket after the ledger could not be written."""
        return self.scaled(30)

    @cached_property
    def ticket_lifetime(self) -> float:
        """How long after its first attempt a message is retried, whatever the channel asks for."""
        return self.scaled(4 * 3600)

    @cached_property
    def late_after(self) -> float:
        """How long a message may stay undelivered before an alarm goes off."""
        return late_after(self.timeout)

    def expiry(self, first_tried: float) -> float:
        """When a message is no longer retried; its last attempt is due then at the latest. Epoch seconds."""
        return first_tried + self.ticket_lifetime

    @cached_property
    def dead_after(self) -> float:
        """A channel that fails for so long without a delivery is dead."""
        return self.scaled(15 * 60)

    @cached_property
    def announcement_interval(self) -> float:
        """The time between two announcements of one dead channel."""
        return self.scaled(3600)

    def retry_delay(self, attempt: int) -> float:
        """The delay after so many counted attempts (0 for the first): 15 s, doubling, at most 15 minutes."""
        return self.scaled(min(900.0, 15.0 * 2 ** min(attempt, 10)))

    def ticket_delay(self, due: float, now: float) -> int:
        """Whole seconds until `due`, rounded up to the next slot. Takes epoch seconds."""
        delay = math.ceil(due / self.ticket_slot) * self.ticket_slot - now
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
        return time.monotonic() >= self.at
