"""Nothing of a local deployment may reach a real account, or another region than it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from batchbell_local.pulumi.resources import CheckFailure, schema

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def check_endpoint(environment: Mapping[str, str]) -> str | None:
    """Why nothing may be deployed with these variables: their endpoint is not on this machine."""
    if urlsplit(environment.get("AWS_ENDPOINT_URL", "")).hostname in LOOPBACK:
        return None
    return "AWS_ENDPOINT_URL does not name local AWS: nothing was deployed"


def check_provider(inputs: Mapping[str, Any], region: str) -> Iterator[CheckFailure]:
    """What is wrong with the configuration of a provider (wire names) when local AWS is in `region`.

    All resources go to the one local cloud: a provider for another region would not do what it says.
    """
    for name in sorted(inputs.keys() - schema.provider_inputs() - {"version"}):
        if not name.startswith("__"):
            yield CheckFailure(name, "unknown input")
    if (wanted := inputs.get("region", region)) != region:
        yield CheckFailure("region", f"local AWS is in {region}, not in {wanted}")
