"""A configured notifier with its grants: stored secrets, IAM statements, and its entry in the manifest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from batchbell.provisioning import Context, Grants, SecretReference, SecretShape, Statement, check_arn, check_when_known
from batchbell.wire import ManifestEntry

from .settings.notifiers import NotifierChoice

_READ = {"ssm": "ssm:GetParameter", "secretsmanager": "secretsmanager:GetSecretValue"}


@dataclass(frozen=True)
class StoredSecret:
    """Where the function finds a secret: `store` is "ssm" or "secretsmanager"."""

    store: str
    arn: pulumi.Input[str]
    kms_key_arn: pulumi.Input[str] | None = None


@dataclass(frozen=True)
class GrantedNotifier:
    """One notifier of the stack, ready for the function's package and role."""

    choice: NotifierChoice
    grants: Grants
    secrets: Mapping[str, StoredSecret]

    def statements(self) -> Sequence[Statement]:
        """What the notifier asked for, and permission to read exactly its secrets."""
        stored = self.secrets.values()
        return [
            *self.grants.statements,
            *(Statement((_READ[secret.store],), (secret.arn,)) for secret in stored),
            *(
                Statement(("kms:Decrypt",), (secret.kms_key_arn,))
                for secret in stored
                if secret.kms_key_arn is not None
            ),
        ]

    def manifest_entry(self, statuses: Sequence[str] = ()) -> ManifestEntry:
        """Return what the function reads. `statuses`: those of a notifier that names none."""
        entry: ManifestEntry = {
            "name": self.choice.name,
            "module": self.choice.plugin.notifier_module,
            "statuses": list(self.choice.statuses or statuses),
            "jobs": list(self.choice.jobs or ()),
            "digest_after": self.choice.digest_after or 0,
            "settings": dict(self.grants.settings),
            "secrets": {name: {secret.store: secret.arn} for name, secret in self.secrets.items()},
        }
        if self.choice.tags is not None:
            entry["tags"] = {key: list(patterns) for key, patterns in self.choice.tags.items()}
        if self.choice.log_lines is not None:
            entry["log_lines"] = self.choice.log_lines
        if self.grants.progress:
            entry["progress"] = True
        return entry


def grant(name: str, choice: NotifierChoice, context: Context, opts: pulumi.ResourceOptions) -> GrantedNotifier:
    """Let the notifier create the resources it needs, and store its secrets. `name`: the component's.

    Raises pulumi.RunError if the notifier ends the program, and whatever else it raises.
    """
    try:
        grants: Grants = choice.plugin.infrastructure().provision(
            choice.name, choice.settings, opts=opts, context=context
        )
    except SystemExit:
        # With exit code 0, Pulumi would delete each resource that the program had not come to yet.
        raise pulumi.RunError(f"notifier {choice.name}: its provision() called sys.exit()") from None
    secrets = {
        secret: _store(f"{name}-{choice.name}-{secret}", secret, choice, reference, context, opts)
        for secret, reference in grants.secrets.items()
    }
    return GrantedNotifier(choice, grants, secrets)


def _store(
    resource_name: str,
    secret: str,
    choice: NotifierChoice,
    reference: SecretReference,
    context: Context,
    opts: pulumi.ResourceOptions,
) -> StoredSecret:
    """Refer to an existing secret, or store a value from config or program as an SSM SecureString.

    An Output is checked as soon as its value is known: a wrong value ends the deployment with a pulumi.RunError that
    does not show it.
    """
    where = f"notifier {choice.name}: {secret}"
    known = {
        form: check_when_known(getattr(reference, form), _arn_check(service, context.region), where=f"{where}.{form}")
        for form, service in SecretReference.ARNS.items()
    }
    key_arn = known["kms_key_arn"]
    if reference.ssm is not None:
        return StoredSecret("ssm", known["ssm"], key_arn)
    if reference.secretsmanager is not None:
        return StoredSecret("secretsmanager", known["secretsmanager"], key_arn)
    value = reference.value if reference.config is None else pulumi.Config().require_secret(reference.config)
    value = check_when_known(pulumi.Output.secret(value), _shape_check(choice.shape_of(reference)), where=where)
    # An automatic name would lack the leading slash that a hierarchy needs.
    path = f"/batchbell/{pulumi.get_project()}/{pulumi.get_stack()}/{context.prefix}/{choice.name}/{secret}"
    parameter = aws.ssm.Parameter(
        resource_name,
        name=path,
        type="SecureString",
        value=value,
        key_id=key_arn,
        description=f"batchbell: {secret} of the notifier {choice.name}",
        tags=context.tags,
        # A stack that is renamed keeps its parameters.
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(ignore_changes=["name"])),
    )
    return StoredSecret("ssm", parameter.arn, key_arn)


def _arn_check(service: str, region: str) -> Callable[[Any], Any]:
    return lambda arn: check_arn(arn, service, region=region)


def _shape_check(shape: SecretShape | None) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not isinstance(value, str) or not value:
            raise ValueError("the secret is empty or not a string")
        if shape is not None and (problem := shape.problem(value)):
            raise ValueError(problem)
        return value

    return check
