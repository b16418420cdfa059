"""Faults of channels and of AWS, and sudden deaths of the function, that come and go as dice say.

The seed decides which faults come when. What they hit depends on the threads and processes of that run too.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Any

from batchbell_local.cloud import FaultHandle, LocalCloud
from batchbell_local.slack.sink import Answer, SlackSink

SPELL = 2.0  # seconds that a set of faults lasts
SPELLS = 8  # at least: with fewer, so many faults would come at once that one hides the others
MORE = 0.05  # the chance of each fault in each spell besides the one that it surely has
DEATH = 0.25  # the chance that a running function dies within a spell
HANGS = 8.0  # seconds: longer than the function lives here
OFTEN, SOMETIMES, RARELY = 0.5, 0.25, 0.04

# Slack's answers, and of how many requests. With "ok" in the body it has accepted, even if nobody hears it.
SLACK: Mapping[str, tuple[Answer, float]] = {
    "429": (Answer.of(429), OFTEN),
    "500": (Answer.of(500), OFTEN),
    "cut before the answer": (Answer(cut="before"), SOMETIMES),
    "cut within the answer": (Answer(cut="middle"), SOMETIMES),
    "hangs": (Answer(delay=HANGS), SOMETIMES),
    "drips": (Answer(drip=HANGS), SOMETIMES),
    "200 from a proxy": (Answer(body="<html>"), SOMETIMES),
    "redirect": (Answer.of(302, headers={"Location": "http://127.0.0.1:1/"}), RARELY),
    "403": (Answer.of(403), RARELY),
    "404": (Answer.of(404), RARELY),
    "410": (Answer.of(410), RARELY),
}
REFUSED = "slack: connection refused"

_REQUEST = {"status": 400}
_SERVER = {"status": 500}
_ONCE = {"times": 1, "probability": SOMETIMES}
AWS: Mapping[str, Mapping[str, Any]] = {
    "email: throttled": {"action": "ses:SendEmail", "error": "TooManyRequestsException", "status": 429},
    "email: 500": {"action": "ses:SendEmail", "error": "InternalServiceErrorException", **_SERVER},
    "email: rejected": {"action": "ses:SendEmail", "error": "MessageRejected", "probability": RARELY},
    "email: hangs": {"action": "ses:SendEmail", "delay": HANGS, "probability": SOMETIMES},
    "email: cut before": {"action": "ses:SendEmail", "cut": "before", "probability": SOMETIMES},
    "email: cut after": {"action": "ses:SendEmail", "cut": "after", "probability": SOMETIMES},
    "email: killed before": {"action": "ses:SendEmail", "kill": "before", **_ONCE},
    "email: killed after": {"action": "ses:SendEmail", "kill": "after", **_ONCE},
    "sns: throttled": {"action": "sns:Publish", "error": "Throttled", "status": 429},
    "sns: KMS throttled": {"action": "sns:Publish", "error": "KMSThrottling", **_REQUEST},
    "sns: 500": {"action": "sns:Publish", "error": "InternalError", **_SERVER},
    "sns: no such topic": {"action": "sns:Publish", "error": "NotFound", "status": 404, "probability": RARELY},
    "sns: hangs": {"action": "sns:Publish", "delay": HANGS, "probability": RARELY},
    "sns: cut before": {"action": "sns:Publish", "cut": "before", "probability": SOMETIMES},
    "sns: cut after": {"action": "sns:Publish", "cut": "after", "probability": SOMETIMES},
    "sns: killed before": {"action": "sns:Publish", "kill": "before", **_ONCE},
    "sns: killed after": {"action": "sns:Publish", "kill": "after", **_ONCE},
    "ledger: throttled": {"action": "dynamodb:UpdateItem", "error": "ProvisionedThroughputExceededException"},
    "ledger: down": {"action": "dynamodb:UpdateItem", "error": "InternalServerError", **_SERVER, "probability": 1.0},
    "ledger: cut before": {"action": "dynamodb:UpdateItem", "cut": "before", "probability": SOMETIMES},
    "ledger: cut after": {"action": "dynamodb:UpdateItem", "cut": "after", "probability": SOMETIMES},
    "ledger: killed before": {"action": "dynamodb:UpdateItem", "kill": "before", **_ONCE},
    "ledger: killed after": {"action": "dynamodb:UpdateItem", "kill": "after", **_ONCE},
    "ledger: digest cut after": {"action": "dynamodb:TransactWriteItems", "cut": "after"},
    "ledger: digest killed before": {"action": "dynamodb:TransactWriteItems", "kill": "before", **_ONCE},
    "secret: down": {"action": "ssm:GetParameter", "error": "ThrottlingException"},
    "secret: missing": {"action": "ssm:GetParameter", "error": "ParameterNotFound"},
    "children: denied": {"action": "batch:ListJobs", "error": "AccessDeniedException", "status": 403},
    "children: slow": {"action": "batch:ListJobs", "delay": HANGS},
    "tickets: refused": {"action": "sqs:SendMessage", "error": "InternalError", **_SERVER},
    "tickets: cut after": {"action": "sqs:SendMessage", "cut": "after", "probability": SOMETIMES},
    "tickets: killed after": {"action": "sqs:SendMessage", "kill": "after", **_ONCE},
}
DEATHS = "killed while it runs"


class Weather:
    """Lasts `spells` times SPELL seconds. `hits`: how often each fault hit."""

    def __init__(self, cloud: LocalCloud, sink: SlackSink, dice: Random, spells: int) -> None:
        self.hits: Counter[str] = Counter()
        self._cloud, self._sink, self._dice = cloud, sink, dice
        self._slack_dice = Random(dice.getrandbits(32))
        self._slack: list[str] = []
        self._ends = threading.Event()
        self._failure: BaseException | None = None
        faults = [*(f"slack: {name}" for name in SLACK), REFUSED, *AWS]
        dice.shuffle(faults)
        self._spells = [
            [name for number, name in enumerate(faults) if number % spells == spell or dice.random() < MORE]
            for spell in range(spells)
        ]
        self._deaths = [dice.random() * SPELL if dice.random() < DEATH else None for _ in range(spells)]
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Weather:
        self._sink.answer_with(self._answer)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def wait(self) -> None:
        """Until the last spell is over."""
        self._thread.join()

    @property
    def kills(self) -> int:
        return sum(count for name, count in self.hits.items() if "killed" in name)

    def _run(self) -> None:
        try:
            for names, death in zip(self._spells, self._deaths, strict=True):
                self._blow(names, death)
        except BaseException as error:
            self._failure = error
        finally:
            self._slack = []
            self._sink.listen()
            self._cloud.clear_faults()

    def _blow(self, names: list[str], death: float | None) -> None:
        if self._ends.is_set():
            return
        handles: dict[str, FaultHandle] = {}
        for name in names:
            if name in AWS:
                fault = {"probability": OFTEN, **AWS[name], "seed": self._dice.getrandbits(32)}
                handles[name] = self._cloud.fail(**fault)
        self._slack = [name.removeprefix("slack: ") for name in names if name.removeprefix("slack: ") in SLACK]
        if REFUSED in names:
            self._sink.stop_listening()
            self.hits[REFUSED] += 1
        self._ends.wait(SPELL if death is None else death)
        if death is not None:
            self.hits[DEATHS] += self._cloud.kill_functions()
            self._ends.wait(SPELL - death)
        self._sink.listen()
        self._cloud.clear_faults()
        for name, handle in handles.items():
            self.hits[name] += len(handle.hits)

    def _answer(self, body: str) -> Answer | None:
        """For the sink. Its requests come one by one here."""
        for name in self._slack:
            answer, chance = SLACK[name]
            if self._slack_dice.random() < chance:
                self.hits[f"slack: {name}"] += 1
                return answer
        return None
