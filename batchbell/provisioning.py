"""What a notifier is at deploy time: the types that an `infrastructure.py` takes and gives.

An `infrastructure.py` offers

- `Settings`: a pydantic model (a subclass of `NotifierSettings`) of what the stack config may say about an instance;
- `REQUIRES`: names of the distributions that the run-time half imports beyond the standard library, boto3 and
  `batchbell.contract` (a tuple, may be left out);
- `provision(name, settings, *, opts, context) -> Grants`: what the Lambda needs for it. It may make resources of its
  own, as children of `opts.parent`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pulumi
from pydantic import BaseModel, ConfigDict, model_validator

ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?P<service>[a-z0-9-]+):(?P<region>[a-z0-9-]*):(?P<account>\d*):(?P<resource>.+)"
)

PLAIN_SECRET = (
    "a secret is never written in plain: run `pulumi config set --secret NAME` (it asks for the value) "
    "and write {config: NAME} here"
)


class NotifierSettings(BaseModel):
    """Base of every notifier's `Settings`: frozen, no unknown keys, and errors that never show an input."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)


class SecretReference(NotifierSettings):
    """Where a secret is: exactly one of

    - `config`: a key of the stack config that was set with `--secret`; stored as an SSM SecureString;
    - `ssm`: the ARN of an SSM parameter that exists;
    - `secretsmanager`: the ARN of a Secrets Manager secret that exists;
    - `value`: the value itself, from a Pulumi program alone (an Output, such as `config.require_secret(…)`), never
      from stack config; stored as an SSM SecureString.

    `kms_key_arn`: the key of the referenced secret where it is not AWS's default one.
    """

    config: str | None = None
    ssm: Any = None
    secretsmanager: Any = None
    value: Any = None
    kms_key_arn: Any = None

    @model_validator(mode="before")
    @classmethod
    def _refuse_plain(cls, data: Any) -> Any:
        if isinstance(data, pulumi.Output):
            return {"value": data}
        if not isinstance(data, Mapping | SecretReference):
            raise ValueError(PLAIN_SECRET)
        return data

    @model_validator(mode="after")
    def _exactly_one(self) -> SecretReference:
        given = [form for form in ("config", "ssm", "secretsmanager", "value") if getattr(self, form) is not None]
        if len(given) != 1:
            raise ValueError("takes exactly one of {config: NAME}, {ssm: ARN}, {secretsmanager: ARN}")
        for form, service in (("ssm", "ssm"), ("secretsmanager", "secretsmanager"), ("kms_key_arn", "kms")):
            check_arn(getattr(self, form), service, where=form)
        return self


def check_arn(value: Any, service: str, *, where: str) -> None:
    """Raise ValueError if `value` is plain and no ARN of `service`; what is not known yet (an Output) passes."""
    if value is None or isinstance(value, pulumi.Output):
        return
    match = ARN.fullmatch(value) if isinstance(value, str) else None
    if match is None or match["service"] != service:
        raise ValueError(f"{where} takes an ARN such as arn:aws:{service}:REGION:ACCOUNT:…")


@dataclass(frozen=True)
class SecretShape:
    """What a secret's value must look like, as an annotation of a `SecretReference` field.

    `problem(value)` gives None, or what is wrong without showing the value. It is asked at deploy time where the
    value is known there (the forms `config` and `value`).
    """

    problem: Callable[[str], str | None]


@dataclass(frozen=True)
class Statement:
    """One IAM Allow. `resources` may hold Outputs; `condition` is IAM's own JSON."""

    actions: Sequence[str]
    resources: Sequence[pulumi.Input[str]]
    condition: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Grants:
    """What the Lambda needs for one instance: IAM statements, secrets to read by name, plain settings (may be
    Outputs; JSON types), which arrive at run time as the `settings` and `secrets` of `create`."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, SecretReference] = field(default_factory=dict)
    statements: Sequence[Statement] = ()
    outputs: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)  # worth showing, such as a topic's ARN


@dataclass(frozen=True)
class Context:
    """Where the stack is deployed: plain values, known in preview."""

    prefix: str  # start of the names of resources
    partition: str  # aws, aws-us-gov, aws-cn
    region: str
    account_id: str
    tags: Mapping[str, str] = field(default_factory=dict)

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account_id}:{resource}"


class Infrastructure(Protocol):
    """An `infrastructure.py`, as a type."""

    Settings: type[NotifierSettings]

    def provision(self, name: str, settings: Any, *, opts: pulumi.ResourceOptions, context: Context) -> Grants: ...
