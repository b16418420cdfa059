"""No notifier leaks its secret, whatever its channel does: into a log of any level, an exception or the output.

Every installed notifier is tested. A new one needs no change here if

- each of its settings without a default has `Field(examples=[…])`, of which the first is valid, and
- each of its secrets is the URL of its channel, and may be one on this machine; or it has none and calls AWS.

Slack has two ways, of which the second has a token and the address of its API. Apprise's URLs have schemes of its own.

For any other notifier, the test fails and says why.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from typing import Any

import pulumi
import pytest
from pydantic import ValidationError

from batchbell import aws_clients
from batchbell.conformance import Fault, Request, Response, WebhookEndpoint
from batchbell.conformance.leak_watch import watch_for_leaks
from batchbell.conformance.shortened_limits import shorten_socket_timeouts
from batchbell.contract import Message, Notifier, PermanentError, Secret, TemporaryError
from batchbell.dispatcher import secret_store
from batchbell.plugins import Plugin, find_plugins
from batchbell.provisioning import Context, Grants, NotifierSettings
from batchbell_local.cloud import LocalCloud
from batchbell_local.server import ROOT_SECRET_KEY
from components.settings.notifiers import NotifierChoice

CONTEXT = Context("batchbell", "aws", "us-east-1", "123456789012")
SESSION_TOKEN = "SessionTokenOfNobody"  # the Lambda's credentials are secrets, too
# One response of each kind: the conformance tests try them all. Many echo the request, as some proxies do.
FAULTS = {fault: responses[-1] for fault, responses in WebhookEndpoint.responses.items() if fault is not Fault.DRIPS}


# Examples that are left out, where a notifier's settings exclude each other.
WAYS: list[Any] = [
    pytest.param(plugin, left_out, id=f"{plugin.type}{way}")
    for plugin in find_plugins().values()
    for way, left_out in (
        {"-webhook": ("token", "channel", "api"), "-token": ("webhook",)} if plugin.type == "slack" else {"": ()}
    ).items()
]
every_way = pytest.mark.parametrize(("plugin", "left_out"), WAYS)


class Channel(WebhookEndpoint):
    """Accepts every request, AWS's calls too."""

    def __init__(self) -> None:
        super().__init__()
        self.path = ""
        self.secret_texts += [SESSION_TOKEN, ROOT_SECRET_KEY]

    def _receive(self, request: Request) -> Response:
        response = super()._receive(request)
        return (
            Response(200, '{"ok": true}') if response is self.success and request.path.startswith("/api") else response
        )


@pytest.fixture
def channel() -> Iterator[Channel]:
    with Channel() as channel:
        yield channel


_providers: dict[str, Any] = {}


@pytest.fixture
def cloud(verified: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> LocalCloud:
    """A local AWS that stores the notifiers' secrets."""
    monkeypatch.setenv("AWS_SESSION_TOKEN", SESSION_TOKEN)
    monkeypatch.setattr(secret_store, "_providers", _providers)
    return verified


def make(plugin: Plugin, left_out: Sequence[str], channel: Channel, cloud: LocalCloud) -> Notifier:
    """Make the notifier as the Lambda does."""
    model: type[NotifierSettings] = plugin.infrastructure().Settings
    examples = {name: field.examples[0] for name, field in model.model_fields.items() if field.examples}
    examples = {name: example for name, example in examples.items() if name not in left_out}
    if "api" in examples:
        examples["api"] = f"{channel.url}/api"
    try:
        settings = model.model_validate(examples)
    except ValidationError as error:
        pytest.fail(f"{plugin.origin}: a setting without default needs Field(examples=[…]) with a valid one: {error}")
    grants: Grants = plugin.infrastructure().provision("ops", settings, opts=pulumi.ResourceOptions(), context=CONTEXT)
    secrets: dict[str, Secret] = {}
    for name, reference in grants.secrets.items():
        token = channel.new_token()
        url = f"{channel.url}/services/T0/B0/{token}"
        shape = NotifierChoice(name="ops", plugin=plugin, settings=settings).shape_of(reference)
        if name == "token":
            url = f"xoxb-1-2-{token}"
        if plugin.type == "apprise":
            url = url.replace("http://", "json://")
        if shape is not None and shape.problem(url):
            pytest.fail(f"{plugin.origin}: its secret {name} may not be a URL on this machine: {shape.problem(url)}")
        parameter = f"/leaks/{token}"
        cloud.client("ssm").put_parameter(Name=parameter, Value=url, Type="SecureString")
        arn = f"arn:aws:ssm:us-east-1:{cloud.account_id}:parameter{parameter}"
        secrets[name] = Secret(name, secret_store.reader({"ssm": arn}))
    notifier: Notifier = importlib.import_module(plugin.notifier_module).create(grants.settings, secrets)
    return notifier


def send(notifier: Notifier, message: Message, plugin: Plugin, channel: Channel, **heard: Any) -> BaseException | None:
    """Send, check that no secret leaks, and return what was raised."""
    with watch_for_leaks(**heard) as leak_watch:
        raised = leak_watch.send(notifier, message)
    found = leak_watch.find(channel.secret_texts)
    assert not found, f"{plugin.type} leaks a secret into {found[0]}"
    return raised


@every_way
def test_no_secret_leaks_when_the_channel_works(
    plugin: Plugin,
    left_out: Sequence[str],
    channel: Channel,
    cloud: LocalCloud,
    failed: Message,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As in the examples of their settings.
    aws_clients.make_client("sns", "eu-west-1").create_topic(Name="ops")
    ses = aws_clients.make_client("sesv2", "eu-west-1")
    if "transactional" not in ses.list_configuration_sets()["ConfigurationSets"]:
        ses.create_configuration_set(ConfigurationSetName="transactional")
    if "batch@example.com" not in [one["IdentityName"] for one in ses.list_email_identities()["EmailIdentities"]]:
        ses.create_email_identity(EmailIdentity="batch@example.com")
    raised = send(make(plugin, left_out, channel, cloud), failed, plugin, channel, capfd=capfd, monkeypatch=monkeypatch)
    assert raised is None, f"{plugin.type}: {raised}"


@pytest.mark.parametrize(("fault", "response"), FAULTS.items(), ids=[fault.name.lower() for fault in FAULTS])
@every_way
def test_no_secret_leaks_when_the_channel_fails(
    plugin: Plugin,
    left_out: Sequence[str],
    channel: Channel,
    fault: Fault,
    response: Response,
    cloud: LocalCloud,
    failed: Message,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    notifier = make(plugin, left_out, channel, cloud)
    monkeypatch.setenv("AWS_ENDPOINT_URL", channel.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", cloud.endpoint)
    channel.fail_with(fault, response)
    shorten_socket_timeouts(monkeypatch)
    raised = send(notifier, failed, plugin, channel, capfd=capfd, monkeypatch=monkeypatch)
    assert isinstance(raised, TemporaryError | PermanentError | None)
    was_called = channel.arrived or fault in (Fault.UNREACHABLE, Fault.SILENT)
    assert was_called, f"{plugin.origin}: its channel is neither its secret nor AWS ({raised}), so nothing was tested"
