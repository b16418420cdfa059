"""Messages as the dispatcher composes them, and local AWS."""

from __future__ import annotations

import dataclasses
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from batchbell.conformance import aws_error, messages
from batchbell.contract import Link, Message
from batchbell.dispatcher.messages.digest import compose_digest
from batchbell.testing.faulty_server import FaultyServer, Request, Response
from batchbell_local.cloud import LocalCloud
from batchbell_local.server import ROOT_ACCESS_KEY, ROOT_SECRET_KEY
from tests.waiting import Limit

CONSOLE_OF_JOBS = f"{messages.CONSOLE}/batch/home?region=us-east-1#jobs/detail/"


@pytest.fixture
def succeeded() -> Message:
    return messages.succeeded()


@pytest.fixture
def failed() -> Message:
    return messages.failed()


@pytest.fixture
def huge() -> Message:
    return messages.huge()


@pytest.fixture(params=messages.HOSTILE_TEXTS)
def hostile(request: pytest.FixtureRequest) -> Message:
    """A message in which every text is hostile."""
    return messages.hostile(messages.HOSTILE_TEXTS[request.param])


@pytest.fixture
def digest(succeeded: Message, failed: Message) -> Callable[..., Message]:
    """Compose a digest of so many jobs, whose names end with their numbers; the last one may be a repeat."""

    def compose(succeeding: int, failing: int, *, name: str = "print-color-") -> Message:
        messages = [
            dataclasses.replace(
                one,
                title=f"{name}{number:03} {outcome}",
                job_name=f"{name}{number:03}",
                links=(Link("Job in the AWS console", f"{CONSOLE_OF_JOBS}{uuid.UUID(int=number)}"),),
            )
            for one, outcome, numbers in (
                (succeeded, "succeeded: all 7 children", range(succeeding)),
                (failed, "failed: 3 of 7 children", range(succeeding, succeeding + failing)),
            )
            for number in numbers
        ]
        return compose_digest(messages, [one is messages[-1] for one in messages])

    return compose


@pytest.fixture
def in_cloud(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> LocalCloud:
    """The environment of this process points to the local cloud."""
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    return cloud


@pytest.fixture
def verified(in_cloud: LocalCloud) -> LocalCloud:
    """The local cloud, in which SES has verified example.com."""
    ses = in_cloud.client("sesv2")
    identities = [identity["IdentityName"] for identity in ses.list_email_identities()["EmailIdentities"]]
    if "example.com" not in identities:
        ses.create_email_identity(EmailIdentity="example.com")
    return in_cloud


class RefusingAws(FaultyServer):
    """Responds to every call with an AWS error: SES in JSON, SNS in XML."""

    def __init__(self, stopped: threading.Event) -> None:
        super().__init__(0, self._refuse, stopped.wait)
        self.status, self.code, self.text = 500, "InternalFailure", ""
        self.body: str | None = None  # replaces AWS's own
        self.calls: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _refuse(self, request: Request) -> Response:
        self.calls.append(request.body)
        response = aws_error(self.status, self.code, self.text, in_xml=not request.path.startswith("/v2/email"))
        return response if self.body is None else dataclasses.replace(response, body=self.body)


@pytest.fixture
def refusing_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[RefusingAws]:
    """An AWS that refuses every call of this process; set its `status`, `code` and `text`."""
    stopped = threading.Event()
    with RefusingAws(stopped) as aws:
        aws.begin("refusing-aws")
        for name, value in {
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_SECRET_KEY,
            "AWS_SESSION_TOKEN": "",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        yield aws
        stopped.set()
        aws.shutdown()


@pytest.fixture
def wait_for() -> Callable[[Callable[[], Any]], Any]:
    """Poll until the result is true, and return it; fail after ten seconds of an idle machine."""

    def wait_for(poll: Callable[[], Any]) -> Any:
        limit = Limit(10)
        while not (found := poll()):
            assert not limit.passed, "nothing came"
            time.sleep(0.02)
        return found

    return wait_for
