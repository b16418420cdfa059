"""Messages as the dispatcher composes them, hostile and huge ones among them, and AWS on this machine."""

from __future__ import annotations

import dataclasses
import http.server
import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from batchbell.contract import DigestEntry, Fact, FailureGroup, Link, Message, Severity
from batchbell.dispatcher.digest import compose_digest
from batchbell.local.cloud import LocalCloud
from batchbell.local.server import ROOT_ACCESS_KEY, ROOT_SECRET_KEY

REGION_CONSOLE = "https://us-east-1.console.aws.amazon.com"
CONSOLE_OF_JOBS = f"{REGION_CONSOLE}/batch/home?region=us-east-1#jobs/detail/"
# Names that a job can have given itself or its errors: markup of every channel, control characters, ends of lines.
HOSTILE_TEXTS = (
    "<!channel> <@U123> <https://evil.example|Job in the console>",
    "*bold* _it_ `code` ```block``` ~no~ :100: &amp; <b>",
    "<script>alert(1)</script><img src=x onerror=alert(1)>\"' javascript:alert(1)",
    "line\r\nBcc: victim@example.com\r\n\r\nbody\x00\x1b[31m\u2028end",
    "=?utf-8?q?urgent=0D=0ABcc:_victim@example.com?= =?utf-8?b?YQ0KQmNjOiB2?=",
    "</title><style>*{display:none}</style><iframe src=//evil.example><!-- e\u0301\u0301\u0301",
    "lone \ud800 surrogate \udfff and \ufffe",
    "\u202egnp.exe \u2066right to left",
    "x" * 10_000,
    "🦊" * 3_000,
    "",
    "   \n\t ",
)


@pytest.fixture
def succeeded() -> Message:
    return Message(
        key="arn:aws:batch:us-east-1:123456789012:job/0b5e1c3a-1111-4222-8333-444455556666#SUCCEEDED",
        kind="array-job",
        status="SUCCEEDED",
        severity=Severity.SUCCESS,
        title="print-color: all 7 children succeeded",
        summary="Array job on print-color-queue, 3 min 20 s after it was submitted",
        job_name="print-color",
        facts=(Fact("Queue", "print-color-queue"), Fact("Duration", "3 min 20 s"), Fact("Children", "7")),
        links=(Link("Job in the console", f"{REGION_CONSOLE}/batch/home?region=us-east-1#jobs/detail/0b5e1c3a"),),
        queue="print-color-queue",
        thread="arn:aws:batch:us-east-1:123456789012:job/0b5e1c3a-1111-4222-8333-444455556666",
    )


@pytest.fixture
def failed(succeeded: Message) -> Message:
    log = f"{REGION_CONSOLE}/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/$252Faws$252Fbatch$252Fjob"
    return dataclasses.replace(
        succeeded,
        key=succeeded.key.replace("SUCCEEDED", "FAILED"),
        status="FAILED",
        severity=Severity.FAILURE,
        title="print-color: 3 of 7 children failed",
        summary="Array job on print-color-queue, 3 min 20 s after it was submitted",
        failures=(
            FailureGroup("Essential container in task exited", 2, "2, 5", 1, Link("Log of child 2", log)),
            FailureGroup("Host EC2 (instance i-0123) terminated.", 1, "6"),
        ),
        notes=("This may be a repeat: the first answer was lost.",),
    )


@pytest.fixture(params=range(len(HOSTILE_TEXTS)), ids=lambda number: f"hostile-{number}")
def hostile(request: pytest.FixtureRequest, failed: Message) -> Message:
    """A message all of whose texts are hostile."""
    text = HOSTILE_TEXTS[request.param]
    return dataclasses.replace(
        failed,
        title=text,
        summary=text,
        job_name=text,
        queue=text,
        thread=text,
        facts=tuple(Fact(text, text) for _ in range(7)),
        failures=(FailureGroup(text, 3, text, 1, Link(text, "javascript:alert(1)")),) * 3,
        notes=(text,) * 12,
        links=(Link(text, "https://example.com/ok"), Link(text, "https://evil.example/>|<!channel>")),
        jobs=tuple(
            DigestEntry(text, Severity.FAILURE, Link(text, url), True)
            for url in ("https://example.com/ok", "javascript:alert(1)", "https://evil.example/>|<!channel>")
        ),
    )


@pytest.fixture
def digest(succeeded: Message, failed: Message) -> Callable[..., Message]:
    """A digest of jobs, as many as named, whose names end with their numbers; the last one may be a repeat."""

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
def huge(failed: Message) -> Message:
    """10,000 children that failed for 10,000 long reasons."""
    groups = tuple(FailureGroup(f"{number} " + 'é"\\' * 300, 1, str(number), 1) for number in range(10_000))
    return dataclasses.replace(failed, failures=groups)


@pytest.fixture
def in_cloud(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> LocalCloud:
    """This process talks to the local cloud and to no other."""
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    return cloud


@pytest.fixture
def verified(in_cloud: LocalCloud) -> LocalCloud:
    """… and its SES sends mail of example.com."""
    ses = in_cloud.client("sesv2")
    identities = [identity["IdentityName"] for identity in ses.list_email_identities()["EmailIdentities"]]
    if "example.com" not in identities:
        ses.create_email_identity(EmailIdentity="example.com")
    return in_cloud


class RefusingAws(http.server.ThreadingHTTPServer):
    """Answers every call as AWS refuses one: SES in JSON, SNS in XML."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Refusal)
        self.status, self.code, self.text, self.delay = 500, "InternalFailure", "", 0.0
        self.hang_up = False
        self.body: bytes | None = None  # instead of one that AWS would send
        self.calls: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is what some tests want."""


class _Refusal(http.server.BaseHTTPRequestHandler):
    server: RefusingAws

    def do_POST(self) -> None:
        aws = self.server
        aws.calls.append(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(aws.delay)
        if aws.hang_up:
            self.close_connection = True
            return
        error = f"<Type>Sender</Type><Code>{aws.code}</Code><Message>{aws.text}</Message>"
        in_json = self.path.startswith("/v2/email")
        body = (
            json.dumps({"message": aws.text}) if in_json else f"<ErrorResponse><Error>{error}</Error></ErrorResponse>"
        )
        sent = body.encode() if aws.body is None else aws.body
        self.send_response(aws.status)
        self.send_header("x-amzn-ErrorType", aws.code)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def refusing_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[RefusingAws]:
    """This process talks to an AWS that refuses; set its `status`, `code` and `text`."""
    with RefusingAws() as aws:
        threading.Thread(target=aws.serve_forever, args=(0.02,), daemon=True).start()
        for name, value in {
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            # The local cloud's, since the process's boto3 session keeps the first ones that it finds.
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
        aws.shutdown()


@pytest.fixture
def wait_for() -> Callable[[Callable[[], Any]], Any]:
    """Ask until the answer is true, and return it; fail after ten seconds."""

    def wait_for(ask: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + 10
        while not (found := ask()):
            assert time.monotonic() < deadline, "nothing came"
            time.sleep(0.02)
        return found

    return wait_for
