"""Keeps local deployments away from real accounts and other regions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from batchbell_local.pulumi.resources import CheckFailure, schema

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def check_endpoint(environment: Mapping[str, str]) -> str | None:
    """Why nothing may be deployed with these variables; None if their endpoint is on this machine."""
    if urlsplit(environment.get("AWS_ENDPOINT_URL", "")).hostname in LOOPBACK:
        return None
    return "AWS_ENDPOINT_URL does not name local AWS: nothing was deployed"


def check_provider(inputs: Mapping[str, Any], region: str) -> Iterator[CheckFailure]:
    """The mistakes in the inputs of an explicit provider when local AWS is in `region`.

    All resources go to the one local AWS, so a provider for another region would have no effect.
    """
    for name in sorted(inputs.keys() - schema.provider_inputs() - {"version"}):
        if not name.startswith("__"):
            yield CheckFailure(name, "unknown input")
    if (wanted := inputs.get("region", region)) != region:
        yield CheckFailure("region", f"local AWS is in {region}, not in {wanted}")
