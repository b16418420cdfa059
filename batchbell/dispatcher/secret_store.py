"""Reads the notifiers' secrets from SSM or Secrets Manager when they are first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.utilities.parameters import SecretsProvider, SSMProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import BotoCoreError, ClientError

from batchbell.aws_clients import make_client
from batchbell.contract import TemporaryError

CACHE_SECONDS = 300  # a rotated secret is used within this time, or at once if the channel refuses the old one

_providers: dict[str, Any] = {}
# Notifiers send at the same time; a second provider would start with an empty cache.
_providers_lock = threading.Lock()


def reader(where: Mapping[str, str]) -> Callable[[bool], str]:
    """Return a function that reads the value, past the cache if asked.

    where: {"ssm": ARN} or {"secretsmanager": ARN}.
    """
    (store, arn), *_ = where.items()

    def read(fresh: bool) -> str:
        try:
            value = _provider(store).get(arn, max_age=CACHE_SECONDS, force_fetch=fresh, **_options(store))
        except GetParameterError as error:
            # The provider's text may hold anything, so only AWS's code is shown.
            raise TemporaryError(f"the secret could not be read from {store}: {_code(error.__context__)}") from None
        if not isinstance(value, str):  # a secret of Secrets Manager may be binary
            raise TemporaryError(f"the secret could not be read from {store}: it is not a text")
        return value

    return read


def _provider(store: str) -> Any:
    with _providers_lock:
        if store not in _providers:
            _providers[store] = {"ssm": SSMProvider, "secretsmanager": SecretsProvider}[store](
                boto3_client=make_client(store, read_timeout=2, attempts=2)
            )
        return _providers[store]


def _options(store: str) -> Mapping[str, Any]:
    return {"decrypt": True} if store == "ssm" else {}


def _code(error: BaseException | None) -> str:
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "ClientError"))
    return type(error).__name__ if isinstance(error, BotoCoreError) else "unknown error"
