"""Implements `pulumi_aws` resources on local AWS: one table for both ways to deploy a program."""

from __future__ import annotations

from collections.abc import Mapping

from . import (
    alarms,
    batch,
    compute_environment,
    dynamodb,
    event_source_mapping,
    events,
    function_recursion,
    iam,
    lambda_function,
    launch_template,
    logs,
    security_group,
    ses,
    sns,
    sqs,
    ssm,
)
from .clients import Clients
from .errors import AwsRefusal, CheckFailure, InvalidInputs, aws_reason
from .invokes import FUNCTIONS, Invoke
from .property_values import Inputs, Outputs
from .resource_type import Diff, ResourceType

_TYPES: tuple[type[ResourceType], ...] = (
    alarms.MetricAlarm,
    batch.JobDefinition,
    batch.JobQueue,
    compute_environment.ComputeEnvironment,
    dynamodb.Table,
    event_source_mapping.EventSourceMapping,
    events.EventRule,
    events.EventTarget,
    function_recursion.FunctionRecursionConfig,
    iam.InstanceProfile,
    iam.Policy,
    iam.Role,
    iam.RolePolicy,
    iam.RolePolicyAttachment,
    lambda_function.Function,
    lambda_function.Permission,
    launch_template.LaunchTemplate,
    logs.LogGroup,
    security_group.SecurityGroup,
    security_group.SecurityGroupEgressRule,
    security_group.SecurityGroupIngressRule,
    ses.EmailIdentity,
    sns.Topic,
    sns.TopicPolicy,
    sns.TopicSubscription,
    sqs.Queue,
    sqs.QueuePolicy,
    ssm.Parameter,
)
TABLE: Mapping[str, ResourceType] = {one.token: one() for one in _TYPES}

__all__ = [
    "FUNCTIONS",
    "TABLE",
    "AwsRefusal",
    "CheckFailure",
    "Clients",
    "Diff",
    "Inputs",
    "InvalidInputs",
    "Invoke",
    "Outputs",
    "ResourceType",
    "aws_reason",
]
