"""Where a stack is deployed: read from the AWS provider, so it is known in preview."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pulumi
import pulumi_aws as aws

from batchbell.provisioning import Context, check_when_known

from .settings.company import OWN_TAG, boundary_problem, key_problem
from .settings.mistakes import got
from .settings.model import Settings
from .settings.stack_config import NAME_PREFIX

# As all that the SDK's partitions.json knows. The AWS provider reports another name, such as that of an availability
# zone, only as a host that nobody can find.
REGION = re.compile(r"[a-z]+(-[a-z]+)+-[0-9]{1,2}")


def find_deployment_context(prefix: str, opts: pulumi.InvokeOptions | None = None) -> Context:
    """Read the account and region of the provider. `prefix` begins the names of all resources.

    Raises pulumi.RunError if AWS would refuse `prefix` in one of these names, or refuses to answer.
    """
    region = pulumi.Config("aws").get("region")
    if region is not None and not REGION.fullmatch(region):
        raise pulumi.RunError(
            f"aws:region: {got(region)}; takes the name of a Region, for example us-east-1; nothing was changed"
        )
    if not NAME_PREFIX.fullmatch(prefix):
        raise pulumi.RunError(
            f"the component's name: {got(prefix)}; takes 1 to 32 letters, digits and -, since names of queues and "
            "functions begin with it, for example nightly"
        )
    try:
        return Context(
            prefix=prefix,
            partition=aws.get_partition(opts=opts).partition,
            region=aws.get_region(opts=opts).region,
            account_id=aws.get_caller_identity(opts=opts).account_id,
            tags={OWN_TAG: f"{pulumi.get_project()}/{pulumi.get_stack()}"},
        )
    except Exception as error:  # the SDK raises nothing narrower: pulumi/runtime/invoke.py
        reason = " ".join(str(error).split())
        raise pulumi.RunError(
            f"AWS does not say whose account this is; nothing was changed. Are its credentials and aws:region right? "
            f"{reason}"
        ) from None


def with_company_settings(context: Context, settings: Settings) -> Context:
    """Return the context with what the settings ask of every resource. Outputs are checked once they are known."""
    return replace(
        context,
        tags={**settings.tags, **context.tags},
        permissions_boundary_arn=_known(
            settings.permissions_boundary_arn, lambda arn: boundary_problem(arn, context), "permissions_boundary_arn"
        ),
        role_path=None if settings.role_path == "/" else settings.role_path,
        kms_key_arn=_known(settings.kms_key_arn, lambda arn: key_problem(arn, context.region), "kms_key_arn"),
    )


def _known(arn: Any, problem: Callable[[Any], str | None], setting: str) -> Any:
    def check(value: Any) -> Any:
        if wrong := problem(value):
            raise ValueError(wrong)
        return value

    return check_when_known(arn, check, where=setting) if isinstance(arn, pulumi.Output) else arn or None
