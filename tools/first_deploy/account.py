"""The AWS account and region of the run."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

CONFIG = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 5, "mode": "standard"})


@dataclass(frozen=True)
class Account:
    """A session with its clients; `id` and `partition` are those of the credentials."""

    session: boto3.Session
    id: str
    partition: str

    @property
    def region(self) -> str:
        return str(self.session.region_name)

    def client(self, service: str) -> Any:
        return _client(self.session, service)


@functools.cache
def _client(session: boto3.Session, service: str) -> Any:
    return session.client(service, config=CONFIG)


def open_account(profile: str, region: str) -> Account:
    """Open a session and ask AWS whose it is. Empty strings count as not given. Raises botocore's errors."""
    session = boto3.Session(profile_name=profile or None, region_name=region or os.environ.get("AWS_REGION"))
    caller = _client(session, "sts").get_caller_identity()
    return Account(session, caller["Account"], caller["Arn"].split(":")[1])
