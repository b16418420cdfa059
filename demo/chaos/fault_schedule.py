"""Schedules random faults of the channels and of AWS, and kills of the function.

The seed decides which faults come when. What they hit depends on the threads and processes of that run too.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Any

from batchbell_local.cloud import FaultHandle, LocalCloud
from batchbell_local.slack.sink import SlackResponse, SlackSink

INTERVAL = 2.0  # seconds that a set of faults lasts
MIN_INTERVALS = 8  # with fewer, so many faults would be active at once that one hides the others
EXTRA_PROBABILITY = 0.05  # of each fault, in each interval other than its own
KILL_PROBABILITY = 0.25  # that a running function is killed, in each interval
HANG = 8.0  # seconds; longer than the function's timeout here
OFTEN, SOMETIMES, RARELY = 0.5, 0.25, 0.04

# Slack's responses, each with its probability per request. With "ok" in the body Slack has accepted the message, even
# if the response never arrives.
SLACK: Mapping[str, tuple[SlackResponse, float]] = {
    "429": (SlackResponse.of(429), OFTEN),
    "500": (SlackResponse.of(500), OFTEN),
    "cut before the answer": (SlackResponse(cut="before"), SOMETIMES),
    "cut within the answer": (SlackResponse(cut="middle"), SOMETIMES),
    "hangs": (SlackResponse(delay=HANG), SOMETIMES),
    "drips": (SlackResponse(drip=HANG), SOMETIMES),
    "200 from a proxy": (SlackResponse(body="<html>"), SOMETIMES),
    "redirect": (SlackResponse.of(302, headers={"Location": "http://127.0.0.1:1/"}), RARELY),
    "403": (SlackResponse.of(403), RARELY),
    "404": (SlackResponse.of(404), RARELY),
    "410": (SlackResponse.of(410), RARELY),
}
CONNECTION_REFUSED = "slack: connection refused"

_REQUEST = {"status": 400}
_SERVER = {"status": 500}
_ONCE = {"times": 1, "probability": SOMETIMES}
AWS: Mapping[str, Mapping[str, Any]] = {
    "email: throttled": {"action": "ses:SendEmail", "error": "TooManyRequestsException", "status": 429},
    "email: 500": {"action": "ses:SendEmail", "error": "InternalServiceErrorException", **_SERVER},
    "email: rejected": {"action": "ses:SendEmail", "error": "MessageRejected", "probability": RARELY},
    "email: hangs": {"action": "ses:SendEmail", "delay": HANG, "probability": SOMETIMES},
    "email: cut before": {"action": "ses:SendEmail", "cut": "before", "probability": SOMETIMES},
    "email: cut after": {"action": "ses:SendEmail", "cut": "after", "probability": SOMETIMES},
    "email: killed before": {"action": "ses:SendEmail", "kill": "before", **_ONCE},
    "email: killed after": {"action": "ses:SendEmail", "kill": "after", **_ONCE},
    "sns: throttled": {"action": "sns:Publish", "error": "Throttled", "status": 429},
    "sns: KMS throttled": {"action": "sns:Publish", "error": "KMSThrottling", **_REQUEST},
    "sns: 500": {"action": "sns:Publish", "error": "InternalError", **_SERVER},
    "sns: no such topic": {"action": "sns:Publish", "error": "NotFound", "status": 404, "probability": RARELY},
    "sns: hangs": {"action": "sns:Publish", "delay": HANG, "probability": RARELY},
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
    "children: slow": {"action": "batch:ListJobs", "delay": HANG},
    "tickets: refused": {"action": "sqs:SendMessage", "error": "InternalError", **_SERVER},
    "tickets: cut after": {"action": "sqs:SendMessage", "cut": "after", "probability": SOMETIMES},
    "tickets: killed after": {"action": "sqs:SendMessage", "kill": "after", **_ONCE},
}
KILLED = "killed while it runs"


class FaultSchedule:
    """A context manager that injects faults for `intervals` × INTERVAL seconds. `hits`: how often each fault hit."""

    def __init__(self, cloud: LocalCloud, sink: SlackSink, random: Random, intervals: int) -> None:
        self.hits: Counter[str] = Counter()
        self._cloud, self._sink, self._random = cloud, sink, random
        self._slack_random = Random(random.getrandbits(32))
        self._slack: list[str] = []
        self._stopped = threading.Event()
        self._failure: BaseException | None = None
        faults = [*(f"slack: {name}" for name in SLACK), CONNECTION_REFUSED, *AWS]
        random.shuffle(faults)
        self._faults = [
            [
                name
                for number, name in enumerate(faults)
                if number % intervals == interval or random.random() < EXTRA_PROBABILITY
            ]
            for interval in range(intervals)
        ]
        self._kills = [
            random.random() * INTERVAL if random.random() < KILL_PROBABILITY else None for _ in range(intervals)
        ]
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> FaultSchedule:
        self._sink.answer_with(self._answer)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def wait(self) -> None:
        """Wait until the last interval is over."""
        self._thread.join()

    @property
    def kills(self) -> int:
        return sum(count for name, count in self.hits.items() if "killed" in name)

    def _run(self) -> None:
        try:
            for names, kill_after in zip(self._faults, self._kills, strict=True):
                self._run_interval(names, kill_after)
        except BaseException as error:
            self._failure = error
        finally:
            self._slack = []
            self._sink.listen()
            self._cloud.clear_faults()

    def _run_interval(self, names: list[str], kill_after: float | None) -> None:
        if self._stopped.is_set():
            return
        handles: dict[str, FaultHandle] = {}
        for name in names:
            if name in AWS:
                fault = {"probability": OFTEN, **AWS[name], "seed": self._random.getrandbits(32)}
                handles[name] = self._cloud.fail(**fault)
        self._slack = [name.removeprefix("slack: ") for name in names if name.removeprefix("slack: ") in SLACK]
        if CONNECTION_REFUSED in names:
            self._sink.stop_listening()
            self.hits[CONNECTION_REFUSED] += 1
        self._stopped.wait(INTERVAL if kill_after is None else kill_after)
        if kill_after is not None:
            self.hits[KILLED] += self._cloud.kill_functions()
            self._stopped.wait(INTERVAL - kill_after)
        self._sink.listen()
        self._cloud.clear_faults()
        for name, handle in handles.items():
            self.hits[name] += len(handle.hits)

    def _answer(self, body: str) -> SlackResponse | None:
        """The response to one request to Slack; None for the usual one. The sink calls it for one request at a time."""
        for name in self._slack:
            response, probability = SLACK[name]
            if self._slack_random.random() < probability:
                self.hits[f"slack: {name}"] += 1
                return response
        return None
