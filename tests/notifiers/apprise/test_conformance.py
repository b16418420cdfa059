"""The conformance tests of the Apprise notifier, with five services of different shapes."""

from __future__ import annotations

from typing import ClassVar

import pytest

from batchbell.conformance import NotifierConformance
from batchbell.contract import Notifier
from notifiers.apprise import notifier
from tests.notifiers.apprise.services import Discord, GoogleChat, Ntfy, PagerDuty, Pushover, Service


class OfApprise(NotifierConformance):
    endpoint_type: ClassVar[type[Service]]

    def make(self, endpoint: Service) -> Notifier:
        return notifier.create({}, {"url": endpoint.url_secret()})

    def shorten_limits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(notifier, "SEND_LIMIT", 0.5)


class TestDiscord(OfApprise):
    endpoint_type = Discord


class TestNtfy(OfApprise):
    endpoint_type = Ntfy


class TestPagerDuty(OfApprise):
    endpoint_type = PagerDuty
    leaves_out: ClassVar = {"failures", "facts", "links"}


class TestGoogleChat(OfApprise):
    endpoint_type = GoogleChat


class TestPushover(OfApprise):
    endpoint_type = Pushover
    leaves_out: ClassVar = {"failures", "facts", "links"}
