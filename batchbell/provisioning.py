"""What a notifier is at deploy time: the types that an `infrastructure.py` takes and gives.

An `infrastructure.py` offers

- `Settings`: a pydantic model (a subclass of `NotifierSettings`) of what the stack config may say about an instance;
- `REQUIRES`: the distributions that the run-time half imports beyond the standard library, boto3 and what is in
  batchbell for it, as requirements (a tuple, such as `("requests>=2",)`; may be left out). They go into the Lambda's
  package at the versions that are installed, with what they require; an import that nothing there would answer is an
  error at preview. A distribution names them among its own dependencies too, so that pip installs them;
- `DIGEST_AFTER`: how many messages for one instance may arrive at once before they become one digest (an int; None or
  0: any number; left out: 5), unless the stack config says otherwise;
- `provision(name, settings, *, opts, context) -> Grants`: what the Lambda needs for it. It may make resources of its
  own, as children of `opts.parent`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

import pulumi
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

__all__ = [
    "FORMS",
    "STACK_CONFIG",
    "Context",
    "Grants",
    "NotifierSettings",
    "SecretReference",
    "SecretShape",
    "Statement",
    "check_arn",
    "check_when_known",
]

ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?P<service>[a-z0-9-]+):(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):"
    r"(?P<resource>.+)"
)

# What a policy can grant and a call can read, by service. No `*` or `?`, which in a policy stand for all others too;
# no alias of a key, which IAM takes for no resource (AWS KMS developer guide, "Specifying KMS keys in
# IAM policy statements").
_RESOURCES = {
    "ssm": (re.compile(r"parameter/[A-Za-z0-9_./-]+"), "an SSM parameter", "parameter/slack-webhook"),
    "secretsmanager": (re.compile(r"secret:[A-Za-z0-9/_+=.@-]+"), "a secret", "secret:slack-webhook-a1B2c3"),
    "sns": (re.compile(r"[A-Za-z0-9_-]{1,256}"), "a standard SNS topic", "on-call"),
    "kms": (re.compile(r"key/[A-Za-z0-9-]+"), "a KMS key", "key/1234abcd-12ab-34cd-56ef-1234567890ab"),
}

CONFIG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")

STACK_CONFIG = "stack config"  # the `context` of a validation: these settings are no program's

FORMS = "{config: NAME}, {ssm: ARN}, {secretsmanager: ARN}"

PLAIN_SECRET = (
    "a secret is never written in plain: run `pulumi config set --secret NAME` (it asks for the value) "
    "and write {config: NAME} here"
)


class NotifierSettings(BaseModel):
    """Base of every notifier's `Settings`: frozen, no unknown keys, and errors that never show an input.

    A field's `Field(title=…, description=…, examples=[…])` say what it is for, what it takes, and what one writes:
    docs/configuration.md and the errors are made of them. A validator's ValueError may begin with "takes", and then
    what was got and the example are told beside it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)


def check_arn(value: Any, service: str, *, region: str | None = None) -> Any:
    """The same value. Raises ValueError, which does not show it, if it is plain and no ARN of `service` (in `region`,
    if that is known); None, and what is not known yet (an Output), pass.

    "ssm" takes parameters, "secretsmanager" secrets, "sns" standard topics, "kms" keys, and any other service all that
    it has.
    """
    if value is None or isinstance(value, pulumi.Output):
        return value
    resource, what, _ = _resource(service)
    match = ARN.fullmatch(value) if isinstance(value, str) else None
    fits = match is not None and match["service"] == service and resource.fullmatch(match["resource"])
    if match is None or not fits or region not in (None, match["region"]):
        place = f" in the stack's region {region}" if region else ""
        raise ValueError(f"takes the ARN of {what}{place}, for example {_example_arn(service, region)}")
    return value


def _resource(service: str) -> tuple[re.Pattern[str], str, str]:
    return _RESOURCES.get(service, (re.compile(".+"), "a resource", "NAME"))


def _example_arn(service: str, region: str | None = None) -> str:
    return f"arn:aws:{service}:{region or 'us-east-1'}:123456789012:{_resource(service)[2]}"


def check_when_known(value: Any, check: Callable[[Any], Any], *, where: str) -> Any:
    """A plain value as it is, since the settings were checked; an Output with `check` upon it: its ValueError, which
    must not show the value, ends the deployment as a pulumi.RunError that begins with `where`."""

    def checked(known: Any) -> Any:
        try:
            return check(known)
        except ValueError as error:
            raise pulumi.RunError(f"{where}: {error}") from None

    return value.apply(checked) if isinstance(value, pulumi.Output) else value


def _arn_of(service: str) -> AfterValidator:
    return AfterValidator(lambda value: check_arn(value, service))


def _arn_field(service: str, title: str) -> Any:
    return Field(title=title, description=f"the ARN of {_resource(service)[1]}", examples=[_example_arn(service)])


class SecretReference(NotifierSettings):
    """Where a secret is: exactly one of `config`, `ssm`, `secretsmanager` and `value`, and its key if it has one of its
    own. `value` is the secret itself, from a Pulumi program alone (an Output, such as `config.require_secret(…)`, or a
    text), never from stack config; it is stored as an SSM SecureString.
    """

    ARNS: ClassVar[Mapping[str, str]] = {"ssm": "ssm", "secretsmanager": "secretsmanager", "kms_key_arn": "kms"}

    config: Annotated[
        str | None,
        Field(
            title="a key of the stack config that was set with `--secret`; it is stored as an SSM SecureString",
            description="the key's name",
            examples=["slackWebhook"],
        ),
    ] = None
    ssm: Annotated[Any, _arn_of("ssm"), _arn_field("ssm", "an SSM parameter that exists")] = None
    secretsmanager: Annotated[
        Any, _arn_of("secretsmanager"), _arn_field("secretsmanager", "a Secrets Manager secret that exists")
    ] = None
    value: Annotated[Any, Field(exclude=True, repr=False)] = None
    kms_key_arn: Annotated[
        Any,
        _arn_of("kms"),
        _arn_field(
            "kms",
            "the customer-managed key that encrypts it (without it AWS's own does); the function may decrypt with it, "
            "and the key's policy must allow that",
        ),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _refuse_plain(cls, data: Any, info: ValidationInfo) -> Any:
        if isinstance(data, pulumi.Output):
            return {"value": data}
        if data is None:
            raise ValueError(f"takes exactly one of {FORMS}")
        if not isinstance(data, Mapping | SecretReference):
            raise ValueError(PLAIN_SECRET)
        if info.context == STACK_CONFIG and isinstance(data, Mapping) and "value" in data:
            raise ValueError(PLAIN_SECRET)
        return data

    @field_validator("config", mode="before")
    @classmethod
    def _check_config(cls, name: Any) -> Any:
        if name is not None and not (isinstance(name, str) and CONFIG_NAME.fullmatch(name)):
            raise ValueError(PLAIN_SECRET)
        return name

    @field_validator("value")
    @classmethod
    def _check_value(cls, value: Any) -> Any:
        if not isinstance(value, str | pulumi.Output | None):
            raise ValueError("is no Output and no text; takes a secret Output, for example config.require_secret(NAME)")
        return value

    @model_validator(mode="after")
    def _exactly_one(self) -> SecretReference:
        given = [form for form in ("config", "ssm", "secretsmanager", "value") if getattr(self, form) is not None]
        if len(given) != 1:
            raise ValueError(f"takes exactly one of {FORMS}")
        return self


@dataclass(frozen=True)
class SecretShape:
    """What a secret's value must look like, as an annotation of a `SecretReference` field.

    `problem(value)` gives None, or what is wrong without showing the value. It is asked at deploy time where the
    value is known there (the form `config`, or a plain `value`), and of an Output as soon as its value is known.
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
