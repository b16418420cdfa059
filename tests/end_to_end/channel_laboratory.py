"""Lets all cells of channel_cells.py happen on one stack, each to a job of its own, and gathers what came of them."""

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
from tests.end_to_end.channel_cells import ACTIONS, ALL, CHANNELS, DRIPS, QUICK, READ_TIME_OUTS, REFUSED, Cell
from tests.end_to_end.conftest import Stack
from tests.end_to_end.watched import finished

AT_ONCE = 10  # records of an invocation
NAMES = {cell: f"cell-{number:02}" for number, cell in enumerate(ALL)}  # of jobs
ENDPOINTS = {"email": "AWS_ENDPOINT_URL_SESV2", "sns": "AWS_ENDPOINT_URL_SNS"}


@dataclass(frozen=True)
class Found:
    """What there is of one cell's job in the end, by channel. Times are epoch seconds."""

    sent_at: float  # when the test sent its event
    texts: Mapping[str, Sequence[str]]  # what the channel accepted
    log: Mapping[str, Sequence[Mapping[str, Any]]]  # the function's lines about it, oldest first
    rows: Mapping[str, Mapping[str, Any]]  # the ledger's
    letters: Sequence[Mapping[str, Any]]  # the dead ones


@dataclass(frozen=True)
class Matrix:
    """After all cells. `asked`: when Slack got each request (monotonic), by the job's name."""

    found: Mapping[Cell, Found]
    asked: Mapping[str, Sequence[float]]
    letters: Sequence[Mapping[str, Any]]
    log: str
    webhook: str


def meet_all(stack: Stack, topic: CollectingQueue, event: Callable[..., dict[str, Any]]) -> Matrix:
    """`topic`: subscribed to the stack's; `event`: the fixture."""
    laboratory = Laboratory(stack, event)
    stack.send(finished(event, "warm-up"))
    stack.told("warm-up")

    _meet_quick_ones(laboratory)
    _meet_closed_ports(laboratory)
    _meet_hanging_ones(laboratory, READ_TIME_OUTS)
    _meet_hanging_ones(laboratory, DRIPS)
    laboratory.settled()

    letters, log = stack.dead_letters(), stack.log()
    accepted = {
        "slack": [json.dumps(payload, ensure_ascii=False) for payload in stack.sink.accepted],
        "email": [f"{mail['Subject']} {' '.join(mail['BodyText'].split())}" for mail in stack.cloud.mailbox()],
        "sns": [json.loads(body)["Message"] for body in topic.bodies()],
    }
    lines, rows = _outcomes(log), _rows(stack.cloud, stack.deployment.outputs["ledger_table_name"])
    found = {}
    for cell, name in NAMES.items():
        of_job = [line for line in lines if line["job"] == name]
        keys = {line["message_key"] for line in of_job}
        found[cell] = Found(
            laboratory.sent_at[cell],
            {channel: [text for text in texts if name in text] for channel, texts in accepted.items()},
            {channel: [line for line in of_job if line["notifier"] == channel] for channel in CHANNELS},
            {channel: row for (key, channel), row in rows.items() if key in keys},
            [letter for letter in letters if letter["message"]["job_name"] == name],
        )
    return Matrix(found, laboratory.asked, letters, log, stack.sink.url)


class Laboratory:
    """The stack and what makes its channels fail, each job by itself."""

    def __init__(self, stack: Stack, event: Callable[..., dict[str, Any]]) -> None:
        self.stack = stack
        self.sent_at: dict[Cell, float] = {}
        self.asked: dict[str, list[float]] = {name: [] for name in NAMES.values()}
        self._event = event
        self._answers: dict[str, SlackResponse] = {}
        self._function = stack.deployment.outputs["function_name"]
        self._variables = self._configuration()["Environment"]["Variables"]
        stack.sink.answer_with(self._answer)

    def send(self, *cells: Cell) -> None:
        now = time.time()
        self.sent_at.update(dict.fromkeys(cells, now))
        self.stack.send(*(finished(self._event, NAMES[cell]) for cell in cells))

    def break_once(self, cell: Cell) -> Callable[[], object]:
        """Put the cell's fault; gives what tells whether it has been met."""
        name = NAMES[cell]
        if cell.channel != "slack":
            places = {"location": f"{self.stack.cloud.endpoint}/"} if "location" in cell.fault else {}
            fault: FaultHandle = self.stack.cloud.fail(
                ACTIONS[cell.channel], **{**cell.fault, **places, "holds": name, "times": 1}
            )
            return lambda: fault.hits
        redirect = {"Location": self.stack.sink.url} if "Location" in cell.fault.headers else {}
        headers = {**cell.fault.headers, **redirect}
        self._answers[name] = replace(cell.fault, headers=headers)
        return lambda: self.asked[name]

    def taken(self) -> None:
        """Wait until each record in the intake has been seen to."""
        self.stack.wait_until(lambda: self.stack.in_queue("intake_queue_url") == 0, "taken", timeout=30)

    def settled(self) -> None:
        self.taken()
        self.stack.wait_until(lambda: self.stack.in_queue("retry_queue_url") == 0, "settled", timeout=60)

    def start_afresh(self, **variables: str) -> None:
        """No process of the function lives on: the next ones know nothing of channels, and have these variables."""
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
        for name, times in self.asked.items():
            if name in body:
                times.append(time.monotonic())
                return self._answers.pop(name, None)
        return None


def _meet_quick_ones(laboratory: Laboratory) -> None:
    for start in range(0, len(QUICK), AT_ONCE):
        cells = QUICK[start : start + AT_ONCE]
        for cell in cells:
            laboratory.break_once(cell)
        laboratory.send(*cells)
        laboratory.taken()
    laboratory.settled()


def _meet_closed_ports(laboratory: Laboratory) -> None:
    slack, email, sns = REFUSED
    laboratory.stack.sink.stop_listening()
    laboratory.send(slack)
    laboratory.taken()
    laboratory.stack.sink.listen()
    with socket.socket() as closed:  # bound, but nobody listens: nobody else can either
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        for cell in (email, sns):
            laboratory.start_afresh(**{ENDPOINTS[cell.channel]: url})
            laboratory.send(cell)
            laboratory.taken()
    laboratory.start_afresh()
    laboratory.settled()


def _meet_hanging_ones(laboratory: Laboratory, cells: Sequence[Cell]) -> None:
    """One after the other has begun: a process that waits for one channel takes no other record, so each has its
    own."""
    laboratory.start_afresh()
    for cell in cells:
        met = laboratory.break_once(cell)
        laboratory.send(cell)
        laboratory.stack.wait_until(met, f"met: {cell.title}")
    laboratory.taken()


def _outcomes(log: str) -> list[dict[str, Any]]:
    """The function's lines about deliveries, oldest first."""
    lines = [json.loads(line) for line in log.splitlines() if line.startswith('{"') and '"outcome"' in line]
    return sorted((line for line in lines if line["message"] == "outcome"), key=lambda line: line["timestamp"])


def _rows(cloud: LocalCloud, table: str) -> dict[tuple[str, str], dict[str, Any]]:
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    return {(row["message"]["S"], row["notifier"]["S"]): row for page in pages for row in page["Items"]}
