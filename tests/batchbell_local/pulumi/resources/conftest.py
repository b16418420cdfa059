from __future__ import annotations

import random
from typing import Any

import pytest

from batchbell_local.cloud import LocalCloud
from batchbell_local.pulumi.resources import TABLE, Clients, InvalidInputs, Outputs


class CloudClients(Clients):
    """The clients of a cloud that a test started, whatever this process's environment is."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud

    def __call__(self, service: str) -> Any:
        return self._cloud.client(service)

    def of_owner(self, service: str) -> Any:
        return self._cloud.client(service)

    @property
    def region(self) -> str:
        return self._cloud.region

    @property
    def account(self) -> str:
        return self._cloud.account_id


@pytest.fixture(scope="session")
def clients(cloud: LocalCloud) -> Clients:
    return CloudClients(cloud)


class Checker:
    """Checks inputs as a deployment does; the generated part of names is the same in every run."""

    def __call__(self, token: str, news: dict[str, Any], olds: Outputs | None = None, name: str = "thing") -> Outputs:
        return TABLE[token].check(name, olds, news, random.Random(7))

    def failures(self, token: str, news: dict[str, Any], name: str = "thing") -> dict[str, str]:
        """The reasons by refused input; empty if all are accepted."""
        try:
            self(token, news, name=name)
        except InvalidInputs as invalid:
            return {failure.property: failure.reason for failure in invalid.failures}
        return {}


@pytest.fixture(scope="session")
def check() -> Checker:
    return Checker()
