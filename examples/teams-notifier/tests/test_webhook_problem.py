"""Which URLs are accepted as webhooks."""

from __future__ import annotations

import pytest
from batchbell_teams.notifier import create, webhook_problem

from batchbell.conformance import messages
from batchbell.contract import PermanentError, Secret

ENVIRONMENT = "default0a1b2c3d4e5f60718293a4b5c6d7e8.f9.environment.api"
FLOW = "/powerautomate/automations/direct/workflows/0123456789abcdef0123456789abcdef/triggers/manual/paths/invoke"
SIGNED = "api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=SECRETSECRET_-SECRETSECRETSECRETSECRETSECRE"
LOGIC_APP = "/workflows/0123456789abcdef0123456789abcdef/triggers/manual/paths/invoke"


@pytest.mark.parametrize(
    "url",
    [
        f"https://{ENVIRONMENT}.powerplatform.com:443{FLOW}?{SIGNED}",
        f"https://{ENVIRONMENT}.powerplatform.com{FLOW}/?{SIGNED}",
        f"https://{ENVIRONMENT}.gov.powerplatform.microsoft.us:443{FLOW}?{SIGNED}",
        f"https://prod-12.westeurope.logic.azure.com:443{LOGIC_APP}?{SIGNED}",
        f"https://{ENVIRONMENT}.powerplatform.com:443{FLOW}?sig=SECRETSECRETSECRETSECRET&{SIGNED.partition('&sig')[0]}",
    ],
)
def test_a_workflows_webhook_is_accepted(url: str) -> None:
    assert webhook_problem(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        f"http://{ENVIRONMENT}.powerplatform.com{FLOW}?{SIGNED}",
        f"https://{ENVIRONMENT}.powerplatform.com:8443{FLOW}?{SIGNED}",
        f"https://{ENVIRONMENT}.powerplatform.com{FLOW}?api-version=1",  # the URL without its signature
        f"https://{ENVIRONMENT}.powerplatform.com{FLOW}?nosig=SECRETSECRETSECRETSECRET",
        f"https://{ENVIRONMENT}.powerplatform.com.evil.example{FLOW}?{SIGNED}",
        f"https://{ENVIRONMENT}.powerplatform.com\\@evil.example{FLOW}?{SIGNED}",
        f"https://{ENVIRONMENT}.powerplatform.com@evil.example{FLOW}?{SIGNED}",
        f"https://evil.example/{ENVIRONMENT}.powerplatform.com{FLOW}?{SIGNED}",
        f"https://user:SECRET@{ENVIRONMENT}.powerplatform.com{FLOW}?{SIGNED}",
        f"https://{ENVIRONMENT}.powerplatform.com/../..{FLOW}?{SIGNED}",
        f"https://{ENVIRONMENT}.powerplatform.com{FLOW}?{SIGNED}\n",
        f"https://{ENVIRONMENT}.powerplatform.com{FLOW}?{SIGNED}#fragment",
        f"https://logic.azure.com{LOGIC_APP}?{SIGNED}",
        f"https://evillogic.azure.com{LOGIC_APP}?{SIGNED}",
        f"https://contoso.webhook.office.com/webhookb2/SECRET?{SIGNED}",  # the retired connectors
        f"http://127.0.0.1{FLOW}",
    ],
)
def test_any_other_url_is_refused_without_showing_it(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    problem = webhook_problem(url)
    assert problem
    assert "SECRET" not in problem
    assert "evil" not in problem


def test_nothing_is_sent_to_another_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    teams = create({}, {"webhook": Secret("webhook", lambda fresh: "http://127.0.0.1:9/")})
    with pytest.raises(PermanentError, match="on this machine"):
        teams.send(messages.succeeded())
