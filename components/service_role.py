"""An IAM role that an AWS service assumes."""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

from batchbell.provisioning import Context


def service_role(name: str, service: str, context: Context, opts: pulumi.ResourceOptions) -> aws.iam.Role:
    """Create a role without policies. `service`: such as "lambda.amazonaws.com"."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}],
    }
    return aws.iam.Role(
        name,
        assume_role_policy=json.dumps(trust),
        permissions_boundary=context.permissions_boundary_arn,
        path=context.role_path,
        tags=context.tags,
        opts=opts,
    )
