"""No notifier's secret shows, whatever its channel does: in no log at any level, in no exception, on no screen.

Every notifier that can be chosen is tested. A new one needs nothing here if

- each of its settings that has no default has `Field(examples=[…])`, whose first one is valid, and
- each of its secrets is the URL of its channel, and may be one on this machine; or it has none and asks AWS.

One that is made otherwise fails, and is told so.
"""

from __future__ import annotations

import functools
import http.server
import importlib
import logging
import socket
import struct
import threading
import traceback
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pulumi
import pytest
from pydantic import ValidationError

from batchbell import aws_answers
from batchbell.contract import Message, Notifier, PermanentError, Secret, TemporaryError
from batchbell.dispatcher import secret_store
from batchbell.local.cloud import LocalCloud
from batchbell.local.server import ROOT_SECRET_KEY
from batchbell.plugins import Plugin, find_plugins
from batchbell.provisioning import Context, Grants, NotifierSettings
from components.notifier_choice import NotifierChoice

CONTEXT = Context("batchbell", "aws", "us-east-1", "123456789012")
SESSION_TOKEN = f"SessionToken{uuid.uuid4().hex}"  # a function's credentials are secrets, too
IMPATIENCE = 0.3  # seconds after which a notifier gives up a channel that hangs
# 403, 404, 429 and 500 repeat the request in their answer, as some proxies do.
BEHAVIOURS = ("accepts", "403", "404", "429", "500", "redirects", "breaks headers", "resets", "hangs", "refuses")


class Channel(FaultyServer):
    """A server on this machine that behaves as it is told."""

    def __init__(self, behaviour: str) -> None:
        self.behaviour, self.calls, self.over = behaviour, 0, threading.Event()
        super().__init__(0, self._receive, self.over.wait)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _receive(self, request: Request) -> Answer:
        self.calls += 1
        match self.behaviour:
            case "accepts":
                return Answer()
            case "redirects":
                return Answer(307, "", {"Location": f"{self.url}{request.path}"})
            case "breaks headers":
                return Answer(headers={"no colon here\r\n": "no name"})
            case "resets":
                return Answer(cut="before")
            case "hangs":
                return Answer(delay=3600)
            case status:
                return Answer(int(status), f"no, not {request.path}\n{request.headers}", {"Retry-After": "1"})


@pytest.fixture
def channel(request: pytest.FixtureRequest) -> Iterator[Channel]:
    with Channel(request.param) as channel:
        channel.begin("channel")
        yield channel
        channel.over.set()
        channel.shutdown()


# This file's own, since the process's other tests have other credentials.
_open_session = functools.cache(aws_answers._open_session.__wrapped__)
_providers: dict[str, Any] = {}


@pytest.fixture
def cloud_of_secrets(channel: Channel, verified: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> LocalCloud:
    """It has the notifiers' secrets; for all else AWS is the channel, but where the channel accepts: then AWS is this
    cloud, too, with what the examples name."""
    monkeypatch.setenv("AWS_SESSION_TOKEN", SESSION_TOKEN)
    monkeypatch.setattr(aws_answers, "_open_session", _open_session)
    monkeypatch.setattr(secret_store, "_providers", _providers)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", verified.endpoint)
    if channel.behaviour == "accepts":
        aws_answers.make_client("sns", "eu-west-1").create_topic(Name="ops")
    else:
        monkeypatch.setenv("AWS_ENDPOINT_URL", channel.url)
    return verified


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """All that anybody logs at any level."""
    lines: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.name}: {self.format(record)} {vars(record)}")

    handler = Handler()
    loggers = [
        logging.root,
        *(one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)),
    ]
    levels = [(logger, logger.level) for logger in loggers]
    outermost = [logger for logger in loggers if logger is logging.root or not logger.propagate]
    for logger in loggers:
        logger.setLevel(1)
    for logger in outermost:
        logger.addHandler(handler)
    yield lines
    for logger in outermost:
        logger.removeHandler(handler)
    for logger, level in levels:
        logger.setLevel(level)


@pytest.fixture
def told(
    logged: list[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Notifier, Message], tuple[str, Any]]:
    """Send a message: gives all that was logged, printed or raised meanwhile, as text, and the exception."""
    monkeypatch.setattr(threading, "excepthook", lambda ended: logged.extend(_texts(ended.exc_value)))

    def send(notifier: Notifier, message: Message) -> tuple[str, Any]:
        raised = None
        try:
            notifier.send(message)
        except Exception as error:
            raised = error
        return "\n".join([repr(notifier), *logged, *capfd.readouterr(), *_texts(raised)]), raised

    return send


def _texts(error: BaseException | None) -> Iterator[str]:
    """All that an exception and those behind it say."""
    if error is not None:
        yield from (str(error), repr(error), repr(error.args), repr(vars(error)), *traceback.format_exception(error))
        yield from _texts(error.__cause__)
        yield from _texts(error.__context__)


def make(plugin: Plugin, channel: Channel, cloud: LocalCloud) -> tuple[Notifier, list[str]]:
    """The notifier as the function makes it, and its secrets."""
    model: type[NotifierSettings] = plugin.infrastructure().Settings
    examples = {name: field.examples[0] for name, field in model.model_fields.items() if field.examples}
    try:
        settings = model.model_validate(examples)
    except ValidationError as error:
        pytest.fail(f"{plugin.origin}: a setting without default needs Field(examples=[…]) with a valid one: {error}")
    grants: Grants = plugin.infrastructure().provision("ops", settings, opts=pulumi.ResourceOptions(), context=CONTEXT)
    values: list[str] = []
    secrets: dict[str, Secret] = {}
    for name, reference in grants.secrets.items():
        token = f"Secret{uuid.uuid4().hex}"
        url = f"{channel.url}/services/T0/B0/{token}"
        shape = NotifierChoice("ops", plugin, settings).shape_of(reference)
        if shape is not None and shape.problem(url):
            pytest.fail(f"{plugin.origin}: its secret {name} may not be a URL on this machine: {shape.problem(url)}")
        parameter = f"/leaks/{token}"
        cloud.client("ssm").put_parameter(Name=parameter, Value=url, Type="SecureString")
        arn = f"arn:aws:ssm:us-east-1:{cloud.account_id}:parameter{parameter}"
        secrets[name] = Secret(name, secret_store.reader({"ssm": arn}))
        values.append(token)
    return importlib.import_module(plugin.notifier_module).create(grants.settings, secrets), values


@pytest.mark.parametrize("channel", BEHAVIOURS, indirect=True)
@pytest.mark.parametrize("plugin", find_plugins().values(), ids=lambda plugin: plugin.type)
def test_no_secret_shows(
    plugin: Plugin,
    channel: Channel,
    cloud_of_secrets: LocalCloud,
    told: Callable[[Notifier, Message], tuple[str, Any]],
    failed: Message,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    notifier, values = make(plugin, channel, cloud_of_secrets)
    if channel.behaviour == "refuses":
        channel.server_close()
    if channel.behaviour == "hangs":
        _hurry(monkeypatch)
    text, error = told(notifier, failed)

    for secret in (*values, SESSION_TOKEN, ROOT_SECRET_KEY):
        found = [line for line in text.splitlines() if secret in line]
        assert not found, f"{plugin.type} shows a secret: {found[0][:300].replace(secret, '(the secret)')}"
    if channel.behaviour == "accepts":
        assert error is None, f"{plugin.type}: {error}"
    else:
        assert isinstance(error, TemporaryError | PermanentError | None)
        came = channel.calls > 0 or channel.behaviour == "refuses"
        assert came, f"{plugin.origin}: its channel is neither its secret nor AWS ({error}), so nothing was tested"


def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket of this process waits for long."""
    wait = socket.socket.settimeout

    def settimeout(self: socket.socket, seconds: float | None) -> None:
        wait(self, None if seconds is None else min(seconds, IMPATIENCE))

    monkeypatch.setattr(socket.socket, "settimeout", settimeout)


def _logs(secret: str) -> None:
    logging.getLogger("some.library").debug("POST %s", secret)


def _prints(secret: str) -> None:
    print(secret)


def _says_why(secret: str) -> None:
    raise TemporaryError(f"no answer from {secret}")


def _has_a_cause(secret: str) -> None:
    raise TemporaryError("no answer") from ValueError(secret)


def _has_a_context(secret: str) -> None:
    try:
        raise ValueError(secret)
    except ValueError:
        raise TemporaryError("no answer") from None


def _has_it_in_a_field(secret: str) -> None:
    error = TemporaryError("no answer")
    error.reason = secret
    raise error


def _fails_in_a_thread(secret: str) -> None:
    thread = threading.Thread(target=_says_why, args=(secret,))
    thread.start()
    thread.join()


@pytest.mark.parametrize(
    "leak",
    [_logs, _prints, _says_why, _has_a_cause, _has_a_context, _has_it_in_a_field, _fails_in_a_thread],
    ids=lambda leak: leak.__name__.strip("_"),
)
def test_a_careless_notifier_is_found_out(
    leak: Callable[[str], None], told: Callable[[Notifier, Message], tuple[str, Any]], failed: Message
) -> None:
    class Careless:
        def send(self, message: Message) -> None:
            leak("hunter2")

    assert "hunter2" in told(Careless(), failed)[0]
