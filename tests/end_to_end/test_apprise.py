"""One target of Apprise beside Slack and email: each fault of it, and that the other two do not notice.

The target is a topic on a server of ntfy, whose address is in the URL. Each fault hits one attempt, as in
channel_fault_cases.py: at the next one the server works.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from batchbell.testing.faulty_server import FaultyServer, Request, Response
from batchbell_local.cloud import LocalCloud
from batchbell_local.deployment import this_machine
from batchbell_local.slack.sink import SlackSink
from demo.print_color import SENDER
from tests.end_to_end.channel_fault_cases import HANGS, MARKED, NO_ANSWER, NOTHING, ONCE, TWICE
from tests.end_to_end.observed_stack import finished_event
from tests.end_to_end.stack import TIMEOUT, Stack, deploy, shorten_batching

NAME, TOKEN, TOPIC = "apprise-faults", "tk_7vQxJ2mWpL9sRk4Z", "topicF8hT3yNcB6dG"
REPEAT = "may be a repeat"
NOTIFIERS = [
    {"type": "slack", "name": "slack", "webhook": {"config": "slackWebhook"}, "digest_after": 0},
    {"type": "email", "name": "email", "sender": SENDER, "recipients": ["team@example.com"], "digest_after": 0},
    {"type": "apprise", "name": "ntfy", "url": {"config": "appriseUrl"}, "digest_after": 0},
]
ACCEPTED = Response(200, '{"id": "hwQ2YpKdmg", "event": "message"}')


@dataclass(frozen=True)
class Case:
    """A fault: the first attempt's result, the accepted messages in the end (whether marked), and the log's reason."""

    job: str
    response: Response
    first: str
    accepted: tuple[bool, ...]
    reason: str


QUICK = (
    Case("nothing", ACCEPTED, "sent", ONCE, ""),
    Case("busy", Response(429, "", {"Retry-After": "1"}), "sent", ONCE, ""),  # waited out
    Case("broken", Response(500, ""), "temporary", ONCE, "^ntfy answered 500$"),
    Case("gateway", Response(504, ""), "unknown", MARKED, "^ntfy answered 504$"),
    Case("cut", Response(200, ACCEPTED.body, cut="middle"), "unknown", TWICE, "^ntfy gave no answer"),
    Case("cut-early", Response(500, cut="before"), "unknown", MARKED, "^ntfy gave no answer"),
    Case("redirect", Response(307, "", {"Location": "/elsewhere"}), "permanent", NOTHING, "^ntfy answered 307: redir"),
    Case("refused", Response(400, ""), "permanent", NOTHING, "^ntfy answered 400$"),
    Case("forbidden", Response(403, ""), "permanent", NOTHING, "^ntfy answered 403$"),
    Case("created", Response(201, ""), "permanent", NOTHING, "that Apprise does not take for one"),
)
UNREACHABLE = Case("unreachable", ACCEPTED, "temporary", ONCE, "ConnectionError")
HANGING = Case("hanging", Response(200, ACCEPTED.body, delay=HANGS), "unknown", TWICE, NO_ANSWER)
ALL = (*QUICK, UNREACHABLE, HANGING)


class Ntfy:
    """A server of ntfy: `answers` has the response to the first message about each job; it takes all others."""

    def __init__(self) -> None:
        self.answers: dict[str, Response] = {}
        self.accepted: list[str] = []
        self.tokens: set[str] = set()
        self.asked_at: dict[str, list[float]] = {}
        self._stopped = threading.Event()
        self._server = FaultyServer(0, self._receive, self._stopped.wait)
        self.port = self._server.port
        self._server.begin("ntfy")

    def listen(self) -> None:
        self._server = FaultyServer(self.port, self._receive, self._stopped.wait)
        self._server.begin("ntfy")

    def stop_listening(self) -> None:
        self._server.end()

    def stop(self) -> None:
        self._stopped.set()
        self._server.end()
        self._server.cut_connections()

    def _receive(self, request: Request) -> Response:
        self.tokens.add(request.headers.get("authorization", ""))
        message = json.loads(request.body)
        text = f"{message['title']}\n{message['message']}"
        job = message["title"].partition(" ")[0]
        self.asked_at.setdefault(job, []).append(time.monotonic())
        response = self.answers.pop(job, ACCEPTED)
        if response.status == 200:
            self.accepted.append(text)
        return response


@dataclass(frozen=True)
class Results:
    """In the end: each channel's texts, the log's lines about deliveries, all of the log, and the dead letters."""

    texts: Mapping[str, Sequence[str]]
    outcomes: Sequence[Mapping[str, Any]]
    log: str
    letters: Sequence[Mapping[str, Any]]
    ntfy: Ntfy

    def of(self, case: Case, channel: str) -> list[Mapping[str, Any]]:
        return [one for one in self.outcomes if (one["job"], one["notifier"]) == (case.job, channel)]


@pytest.fixture(scope="module")
def ntfy() -> Iterator[Ntfy]:
    server = Ntfy()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def results(
    shared_cloud: LocalCloud,
    sink: SlackSink,
    ntfy: Ntfy,
    project: Path,
    wait_until: Callable[..., None],
    event: Callable[..., dict[str, Any]],
) -> Results:
    deployment = deploy(
        shared_cloud.environment(),
        project,
        NAME,
        config={"environment_name": NAME, "function_timeout": TIMEOUT, "notifiers": NOTIFIERS, **this_machine()},
        secrets={"slackWebhook": sink.url, "appriseUrl": f"ntfy://{TOKEN}@127.0.0.1:{ntfy.port}/{TOPIC}?auth=token"},
    )
    shorten_batching(shared_cloud, deployment)
    stack = Stack(shared_cloud, deployment, sink, wait_until)
    stack.send(finished_event(event, "warm-up"))
    stack.wait_until_received("warm-up")
    ntfy.answers = {case.job: case.response for case in ALL}
    stack.send(*(finished_event(event, case.job) for case in QUICK))
    stack.wait_until_idle()
    stack.send(finished_event(event, HANGING.job))
    wait_until(lambda: HANGING.job not in ntfy.answers, "hanging")
    ntfy.stop_listening()
    stack.send(finished_event(event, UNREACHABLE.job))
    stack.wait_until_empty("intake_queue_url")
    ntfy.listen()
    stack.wait_until_idle()
    log = stack.log()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith('{"') and '"outcome"' in line]
    return Results(
        {
            "slack": [json.dumps(payload, ensure_ascii=False) for payload in sink.accepted],
            "email": [f"{mail['Subject']} {' '.join(mail['BodyText'].split())}" for mail in shared_cloud.mailbox()],
            "ntfy": ntfy.accepted,
        },
        sorted((line for line in lines if line["message"] == "outcome"), key=lambda line: line["timestamp"]),
        log,
        stack.dead_letters(),
        ntfy,
    )


every_case = pytest.mark.parametrize("case", ALL, ids=lambda case: case.job)


@every_case
def test_the_target_gets_the_job_once_or_with_a_marked_repeat_or_never(results: Results, case: Case) -> None:
    texts = [text for text in results.texts["ntfy"] if f"{case.job} " in text]
    assert tuple(REPEAT in text for text in texts) == case.accepted


@every_case
def test_the_log_names_the_result_and_the_reason(results: Results, case: Case) -> None:
    first, *rest = results.of(case, "ntfy")
    assert (first["result"], first["attempt"]) == (case.first, 1)
    assert re.search(case.reason, first["reason"])
    assert [line["result"] for line in rest][-1:] == ([] if case.first in ("sent", "permanent") else ["sent"])


@every_case
def test_slack_and_email_get_it_once_and_at_the_first_attempt(results: Results, case: Case) -> None:
    for channel in ("slack", "email"):
        (text,) = [text for text in results.texts[channel] if f"{case.job} " in text]
        (line,) = results.of(case, channel)
        assert REPEAT not in text
        assert (line["result"], line["attempt"]) == ("sent", 1)


def test_a_target_that_asks_for_a_pause_gets_no_request_about_the_job_during_it(results: Results) -> None:
    first, second = results.ntfy.asked_at["busy"]
    assert second - first >= 1


def test_only_permanent_refusals_make_dead_letters(results: Results) -> None:
    refused = {case.job: case.reason for case in ALL if case.first == "permanent"}
    found = {letter["message"]["job_name"]: letter["reason"] for letter in results.letters}
    assert found.keys() == refused.keys()
    assert all(re.search(reason, found[job]) for job, reason in refused.items())


def test_neither_the_log_nor_a_dead_letter_has_a_part_of_the_url(results: Results) -> None:
    assert results.ntfy.tokens == {f"Bearer {TOKEN}"}
    for text in (results.log, json.dumps(results.letters)):
        assert TOKEN not in text
        assert TOPIC not in text
