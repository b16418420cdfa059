"""Where a stack is deployed: read from the AWS provider, so it is known in preview."""

from __future__ import annotations

import re

import pulumi
import pulumi_aws as aws

from batchbell.provisioning import Context

from .settings.mistakes import got

PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,31}")


def find_deployment_context(prefix: str, opts: pulumi.InvokeOptions | None = None) -> Context:
    """Read the account and region of the provider. `prefix` begins the names of all resources.

    Raises pulumi.RunError if AWS would refuse `prefix` in one of these names.
    """
    if not PREFIX.fullmatch(prefix):
        raise pulumi.RunError(
            f"the stack's name (in a program of your own: the component's): {got(prefix)}; takes 1 to 32 letters, "
            "digits and -, since names of queues and functions begin with it, for example nightly"
        )
    return Context(
        prefix=prefix,
        partition=aws.get_partition(opts=opts).partition,
        region=aws.get_region(opts=opts).region,
        account_id=aws.get_caller_identity(opts=opts).account_id,
        tags={"batchbell": f"{pulumi.get_project()}/{pulumi.get_stack()}"},
    )
