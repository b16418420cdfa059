"""The deploy-time half of a notifier: the types for its `infrastructure.py`.

An `infrastructure.py` offers

- `Settings`: a pydantic model (a subclass of `NotifierSettings`) of an instance's settings in stack config;
- `REQUIRES`: a tuple of requirements, such as `("requests>=2",)`, for what the run-time half imports beyond the
  standard library, boto3 and batchbell's own run-time modules; optional. The Lambda's package gets these distributions
  and their dependencies, at the installed versions; an import of anything else is an error at preview. A plug-in's
  distribution lists them among its own dependencies too, so that pip installs them;
- `DIGEST_AFTER`: the default of `digest_after`: how many messages at once are still sent one by one (more are sent as
  one digest). An int; 0: send no digests; without it: 5;
- `provision(name, settings, *, opts, context) -> Grants`: returns what the Lambda needs for the instance. It may create
  resources, as children of `opts.parent`, with the context's tags, and roles with its boundary and path.
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

# Resources that a policy can grant and a call can read, by service. `*` and `?` are excluded: in a policy they match
# other resources too. So are aliases of keys: IAM does not accept them as resources (AWS KMS developer guide,
# "Specifying KMS keys in IAM policy statements").
_RESOURCES = {
    "ssm": (re.compile(r"parameter/[A-Za-z0-9_./-]+"), "an SSM parameter", "parameter/slack-webhook"),
    "secretsmanager": (re.compile(r"secret:[A-Za-z0-9/_+=.@-]+"), "a secret", "secret:slack-webhook-a1B2c3"),
    "sns": (re.compile(r"[A-Za-z0-9_-]{1,256}"), "a standard SNS topic", "on-call"),
    "kms": (re.compile(r"key/[A-Za-z0-9-]+"), "a KMS key", "key/1234abcd-12ab-34cd-56ef-1234567890ab"),
}

CONFIG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")

STACK_CONFIG = "stack config"  # pydantic's validation context for settings that do not come from a program

# What `pulumi config set --secret --path` writes in place of a value, and what people write who expect as much.
NOT_REFERENCES = ("secure", "secret", "fn::secret")
FORMS = "{config: NAME}, {ssm: ARN}, {secretsmanager: ARN}"

PLAIN_SECRET = (
    "a secret is never written in plain: run `pulumi config set --secret NAME` (it asks for the value) "
    "and write {config: NAME} here"
)


class NotifierSettings(BaseModel):
    """The base class of every notifier's `Settings`: frozen, no unknown keys, and errors that never show an input.

    `Field(title=…, description=…, examples=[…])` says what a setting is for, what it takes, and gives an example:
    docs/configuration.md and the errors are made of these texts. If a validator's ValueError begins with "takes", the
    error also shows the value and the example.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)

    @property
    def shows_progress(self) -> bool:
        """Whether the instance keeps a live message for each running array: then its `statuses` may name RUNNING.

        A type that gives `Grants.progress` overrides it.
        """
        return False


def check_arn(value: Any, service: str, *, region: str | None = None) -> Any:
    """Return the same value. Raises ValueError (without the value) if it is not an ARN of `service`.

    value: an ARN; None and Outputs, whose values are not known yet, pass
    service: "ssm" allows parameters, "secretsmanager" secrets, "sns" standard topics, "kms" keys, and any other service
        all of its resources
    region: the region that the ARN must have, or None for any
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
    """Apply `check` to an Output as soon as its value is known.

    Return a plain value as it is: it was checked with the settings.

    check: returns the value to use, or raises ValueError without showing the value
    where: begins the pulumi.RunError that ends the deployment if `check` raises ValueError
    """

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
    """Refers to a secret: exactly one of `config`, `ssm`, `secretsmanager` and `value`, and optionally its KMS key.

    `value` is the secret itself, stored as an SSM SecureString: an Output, such as `config.require_secret(…)`, or a
    string. Only a Pulumi program may give it, never stack config.
    """

    ARNS: ClassVar[Mapping[str, str]] = {"ssm": "ssm", "secretsmanager": "secretsmanager", "kms_key_arn": "kms"}

    config: Annotated[
        str | None,
        Field(
            title="key of the stack config that was set with `--secret`; its value is stored as an SSM SecureString",
            description="the key's name",
            examples=["slackWebhook"],
        ),
    ] = None
    ssm: Annotated[Any, _arn_of("ssm"), _arn_field("ssm", "existing SSM parameter")] = None
    secretsmanager: Annotated[
        Any, _arn_of("secretsmanager"), _arn_field("secretsmanager", "existing Secrets Manager secret")
    ] = None
    value: Annotated[Any, Field(exclude=True, repr=False)] = None
    kms_key_arn: Annotated[
        Any,
        _arn_of("kms"),
        _arn_field(
            "kms",
            "customer-managed key that encrypts the secret (without it: AWS's own key); the function may decrypt with "
            "it, which the key's policy must allow",
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
        refused = {"value", *NOT_REFERENCES} if info.context == STACK_CONFIG else {*NOT_REFERENCES}
        if isinstance(data, Mapping) and refused & set(data):
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
            raise ValueError(
                "is neither an Output nor a string; takes a secret Output, for example config.require_secret(NAME)"
            )
        return value

    @model_validator(mode="after")
    def _exactly_one(self) -> SecretReference:
        given = [form for form in ("config", "ssm", "secretsmanager", "value") if getattr(self, form) is not None]
        if len(given) != 1:
            raise ValueError(f"takes exactly one of {FORMS}")
        return self


@dataclass(frozen=True)
class SecretShape:
    """Annotates a `SecretReference` field with the shape that the secret's value must have.

    `problem(value)` returns None, or what is wrong, without showing the value. It is called at deploy time if the value
    is known (the form `config`, or a plain `value`), and for an Output as soon as its value is known.
    """

    problem: Callable[[str], str | None]


@dataclass(frozen=True)
class Statement:
    """An IAM statement that allows `actions`. `resources` may hold Outputs; `condition` is IAM's own JSON."""

    actions: Sequence[str]
    resources: Sequence[pulumi.Input[str]]
    condition: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Grants:
    """What the Lambda needs for one instance. `settings` and `secrets` are passed to `create` at run time."""

    settings: Mapping[str, Any] = field(default_factory=dict)  # JSON types; values may be Outputs
    secrets: Mapping[str, SecretReference] = field(default_factory=dict)  # by name
    statements: Sequence[Statement] = ()
    outputs: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)  # to show, such as a topic's ARN
    # The notifier has `update` (`batchbell.contract.UpdatingNotifier`), and gets a live message for each running array.
    progress: bool = False


@dataclass(frozen=True)
class Context:
    """Where the stack is deployed, and what its resources carry. Plain values, known in preview, but for the two ARNs.

    prefix: begins the names of resources
    partition: aws, aws-us-gov, aws-cn
    tags: of every resource
    permissions_boundary_arn, role_path: of every role; None if there is none
    kms_key_arn: the key that the stack is encrypted with, or None for AWS's own
    """

    prefix: str
    partition: str
    region: str
    account_id: str
    tags: Mapping[str, str] = field(default_factory=dict)
    permissions_boundary_arn: pulumi.Input[str] | None = None
    role_path: str | None = None
    kms_key_arn: pulumi.Input[str] | None = None

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account_id}:{resource}"
