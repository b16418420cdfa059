"""What a run is made of: a seed, and what the seed leaves to choose. The same plan always gives the same run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

# Each kind of fault has random numbers of its own, so that a run without one kind meets the others as before.
FAULTS = {
    "temporary": "a channel refuses for now",
    "short-wait": "a channel asks to wait for seconds",
    "long-wait": "a channel asks to wait for a day, 31 years, 1e308 s, nan",
    "permanent": "a channel refuses for good",
    "poison": "a channel refuses a message, or a digest, because of one job in it",
    "no-answer": "a channel accepts or not, and gives no answer",
    "raises": "a notifier raises an ordinary exception",
    "raises-base": "a notifier raises SystemExit, KeyboardInterrupt or CancelledError, with a secret in its text",
    "broken-create": "a notifier's create raises, SystemExit among others, or hangs",
    "tarpit": "a channel keeps a send for up to hours",
    "odd-answer": "a webhook's service, or something between, answers 1xx, a strange 2xx, 3xx, 4xx, OK, <html>",
    "kill": "the function dies at any call",
    "accepted-and-killed": "the function dies after a channel accepted and before it knows",
    "recycle": "Lambda ends idle processes and starts others",
    "deploy": "a deploy or a rollback: another version writes tickets",
    "clocks": "the clocks of processes are up to an hour apart",
    "duplicates": "events and records come twice",
    "reordering": "records come in any order",
    "sqs-errors": "SQS refuses, or takes a letter and its answer is lost, or takes a part of a batch",
    "sqs-slow": "SQS takes seconds for a letter",
    "ledger-throttled": "the ledger throttles",
    "ledger-down": "the ledger is down for minutes",
    "ledger-lost-answers": "the ledger writes, and its answer is lost; transactions conflict",
    "look-ups": "Batch refuses or is slow",
    "redrive": "an operator redrives while all this goes on",
}
LENGTHS = (5, 20, 60, 300)  # minutes; only in the last ones a ticket grows too old while there are faults
SHARE = 0.25  # of the kinds that a seed chooses, on average


@dataclass(frozen=True)
class Plan:
    """`minutes`: how long faults last. After that the world is whole."""

    seed: int
    jobs: int = 30
    minutes: int = 90
    faults: frozenset[str] = frozenset()

    @classmethod
    def of(cls, seed: int, jobs: int = 30, minutes: int | None = None, faults: Sequence[str] | None = None) -> Plan:
        """Choose what is not given."""
        random = Random(f"{seed}/plan")
        share = random.choice((SHARE / 3, SHARE, 2 * SHARE))
        chosen = [kind for kind in FAULTS if random.random() < share] or [random.choice(list(FAULTS))]
        length = random.choices(LENGTHS, (6, 6, 4, 1))[0]
        return cls(seed, jobs, length if minutes is None else minutes, frozenset(chosen if faults is None else faults))

    def random(self, purpose: str) -> Random:
        return Random(f"{self.seed}/{purpose}")

    def command(self) -> str:
        """Show it again."""
        faults = ",".join(kind for kind in FAULTS if kind in self.faults)
        return (
            f"python -m tests.simulation --seed {self.seed} --jobs {self.jobs} --minutes {self.minutes} "
            f"--faults {faults or 'none'} --trace"
        )
