"""boto3 clients, one per service, shared by threads."""

from __future__ import annotations

import threading
from typing import Any

import boto3
from botocore.config import Config

from batchbell_local.server import ROOT_ACCESS_KEY, ROOT_SECRET_KEY


class Clients:
    """`clients("sqs")` returns the client of that service, configured by the environment (AWS_ENDPOINT_URL, …).

    Clients are thread-safe, sessions are not, so a lock guards the creation of clients.
    """

    def __init__(self) -> None:
        self._session = boto3.Session()
        self._config = Config(retries={"total_max_attempts": 3}, connect_timeout=5, read_timeout=30)
        self._made: dict[str, Any] = {}
        self._account: str | None = None
        self._lock = threading.RLock()

    def __call__(self, service: str) -> Any:
        with self._lock:
            if service not in self._made:
                self._made[service] = self._session.client(service, config=self._config)
            return self._made[service]

    def of_owner(self, service: str) -> Any:
        """The client of the account's owner, for what AWS knows by itself, whatever its caller may ask."""
        with self._lock:
            if f"{service} of owner" not in self._made:
                self._made[f"{service} of owner"] = self._session.client(
                    service,
                    config=self._config,
                    aws_access_key_id=ROOT_ACCESS_KEY,
                    aws_secret_access_key=ROOT_SECRET_KEY,
                )
            return self._made[f"{service} of owner"]

    @property
    def has_credentials(self) -> bool:
        return self._session.get_credentials() is not None

    @property
    def region(self) -> str:
        return str(self._session.region_name)

    @property
    def account(self) -> str:
        """The account's 12 digits, looked up once."""
        with self._lock:
            if self._account is None:
                self._account = str(self("sts").get_caller_identity()["Account"])
            return self._account
