"""Runs all cases of channel_fault_cases.py on one stack, each with a job of its own, and collects the results."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from batchbell_local.cloud import FaultHandle, LocalCloud
from batchbell_local.collecting_queue import CollectingQueue
from batchbell_local.slack.sink import SlackResponse
from tests.end_to_end.channel_fault_cases import (
    ACTIONS,
    ALL,
    CHANNELS,
    DRIPS,
    QUICK,
    READ_TIME_OUTS,
    REFUSED,
    FaultCase,
)
from tests.end_to_end.observed_stack import finished_event
from tests.end_to_end.stack import Stack

BATCH_SIZE = 10  # records per invocation
JOB_NAMES = {case: f"case-{number:02}" for number, case in enumerate(ALL)}
ENDPOINTS = {"email": "AWS_ENDPOINT_URL_SESV2", "sns": "AWS_ENDPOINT_URL_SNS"}


@dataclass(frozen=True)
class CaseResult:
    """The traces of one case's job in the end, by channel.

    texts: what the channel accepted
    log: the function's lines about the job, oldest first
    rows: the ledger's rows
    letters: the dead letters
    """

    texts: Mapping[str, Sequence[str]]
    log: Mapping[str, Sequence[Mapping[str, Any]]]
    rows: Mapping[str, Mapping[str, Any]]
    letters: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class FaultRunResults:
    """The results of all cases. `requested_at`: when Slack got each request (monotonic), by the job's name."""

    by_case: Mapping[FaultCase, CaseResult]
    requested_at: Mapping[str, Sequence[float]]
    letters: Sequence[Mapping[str, Any]]
    log: str
    webhook: str


def run_all_cases(stack: Stack, topic: CollectingQueue, event: Callable[..., dict[str, Any]]) -> FaultRunResults:
    """Run all cases. `topic` subscribes to the stack's topic; `event` is the fixture."""
    injector = FaultInjector(stack, event)
    stack.send(finished_event(event, "warm-up"))
    stack.wait_until_received("warm-up")

    _run_quick_cases(injector)
    _run_closed_port_cases(injector)
    _run_hanging_cases(injector, READ_TIME_OUTS)
    _run_hanging_cases(injector, DRIPS)
    injector.wait_until_idle()

    letters, log = stack.dead_letters(), stack.log()
    accepted = {
        "slack": [json.dumps(payload, ensure_ascii=False) for payload in stack.sink.accepted],
        "email": [f"{mail['Subject']} {' '.join(mail['BodyText'].split())}" for mail in stack.cloud.mailbox()],
        "sns": [json.loads(body)["Message"] for body in topic.bodies()],
    }
    lines, rows = _outcomes(log), _rows(stack.cloud, stack.deployment.outputs["ledger_table_name"])
    by_case = {}
    for case, name in JOB_NAMES.items():
        of_job = [line for line in lines if line["job"] == name]
        keys = {line["message_key"] for line in of_job}
        by_case[case] = CaseResult(
            {channel: [text for text in texts if name in text] for channel, texts in accepted.items()},
            {channel: [line for line in of_job if line["notifier"] == channel] for channel in CHANNELS},
            {channel: row for (key, channel), row in rows.items() if key in keys},
            [letter for letter in letters if letter["message"]["job_name"] == name],
        )
    return FaultRunResults(by_case, injector.requested_at, letters, log, stack.sink.url)


class FaultInjector:
    """Makes the channels of a stack fail, for each job separately."""

    def __init__(self, stack: Stack, event: Callable[..., dict[str, Any]]) -> None:
        self.stack = stack
        self.requested_at: dict[str, list[float]] = {name: [] for name in JOB_NAMES.values()}
        self._event = event
        self._answers: dict[str, SlackResponse] = {}
        self._function = stack.deployment.outputs["function_name"]
        self._variables = self._configuration()["Environment"]["Variables"]
        stack.sink.answer_with(self._answer)

    def send(self, *cases: FaultCase) -> None:
        self.stack.send(*(finished_event(self._event, JOB_NAMES[case]) for case in cases))

    def inject(self, case: FaultCase) -> Callable[[], object]:
        """Inject the case's fault; return a function that says whether the fault has occurred."""
        name = JOB_NAMES[case]
        if case.channel != "slack":
            places = {"location": f"{self.stack.cloud.endpoint}/"} if "location" in case.fault else {}
            fault: FaultHandle = self.stack.cloud.fail(
                ACTIONS[case.channel], **{**case.fault, **places, "holds": name, "times": 1}
            )
            return lambda: fault.hits
        redirect = {"Location": self.stack.sink.url} if "Location" in case.fault.headers else {}
        headers = {**case.fault.headers, **redirect}
        self._answers[name] = replace(case.fault, headers=headers)
        return lambda: self.requested_at[name]

    def wait_until_taken(self) -> None:
        """Wait until the function has taken every record from the intake queue."""
        self.stack.wait_until_empty("intake_queue_url")

    def wait_until_idle(self) -> None:
        self.stack.wait_until_idle()

    def restart_function(self, **variables: str) -> None:
        """Replace the function's processes by new ones, which know nothing of the channels and have these variables."""
        client = self.stack.cloud.client("lambda")
        client.update_function_configuration(
            FunctionName=self._function, Environment={"Variables": {**self._variables, **variables}}
        )
        self.stack.wait_until(lambda: self._configuration()["LastUpdateStatus"] == "Successful", "updated")

    def _configuration(self) -> dict[str, Any]:
        client = self.stack.cloud.client("lambda")
        found: dict[str, Any] = client.get_function_configuration(FunctionName=self._function)
        return found

    def _answer(self, body: str) -> SlackResponse | None:
        for name, times in self.requested_at.items():
            if name in body:
                times.append(time.monotonic())
                return self._answers.pop(name, None)
        return None


def _run_quick_cases(injector: FaultInjector) -> None:
    for start in range(0, len(QUICK), BATCH_SIZE):
        cases = QUICK[start : start + BATCH_SIZE]
        for case in cases:
            injector.inject(case)
        injector.send(*cases)
        injector.wait_until_taken()
    injector.wait_until_idle()


def _run_closed_port_cases(injector: FaultInjector) -> None:
    slack, email, sns = REFUSED
    injector.stack.sink.stop_listening()
    injector.send(slack)
    injector.wait_until_taken()
    injector.stack.sink.listen()
    with socket.socket() as closed:  # bound but not listening, so that no other program can listen there
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        for case in (email, sns):
            injector.restart_function(**{ENDPOINTS[case.channel]: url})
            injector.send(case)
            injector.wait_until_taken()
    injector.restart_function()
    injector.wait_until_idle()


def _run_hanging_cases(injector: FaultInjector, cases: Sequence[FaultCase]) -> None:
    """Start each case when the one before has begun: a waiting process takes no other record, so each has its own."""
    injector.restart_function()
    for case in cases:
        occurred = injector.inject(case)
        injector.send(case)
        injector.stack.wait_until(occurred, f"occurred: {case.title}")
    injector.wait_until_taken()


def _outcomes(log: str) -> list[dict[str, Any]]:
    """Return the log's lines about deliveries, oldest first."""
    lines = [json.loads(line) for line in log.splitlines() if line.startswith('{"') and '"outcome"' in line]
    return sorted((line for line in lines if line["message"] == "outcome"), key=lambda line: line["timestamp"])


def _rows(cloud: LocalCloud, table: str) -> dict[tuple[str, str], dict[str, Any]]:
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    return {(row["message"]["S"], row["notifier"]["S"]): row for page in pages for row in page["Items"]}
