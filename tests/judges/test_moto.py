"""The same stack in local AWS and in moto, and who is right where they differ.

Local AWS and its tests share our beliefs. moto's authors read AWS's documents on their own.
"""

from __future__ import annotations

import random
import uuid

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from batchbell_local.pulumi.resources import TABLE, InvalidInputs
from tests.judges.faults import plant, put
from tests.judges.moto_server import moto_server
from tests.judges.played_stack import Cloud, play
from tests.judges.stacks import PLACES, STACKS, each_notifier, environment

# What moto refuses, by type and error code.
REFUSED_BY_MOTO = {
    # PutFunctionRecursionConfig is in botocore's model of Lambda; moto has no such path.
    ("FunctionRecursionConfig", "404"),
}
# Properties that differ, by type. Where local AWS was wrong, it was changed, and the property is no longer here.
DIFFERENCES = {
    # moto requires a service role. AWS uses the service-linked role without one (botocore's model of Batch,
    # CreateComputeEnvironment.serviceRole): only moto got a role, which it gives back.
    ("ComputeEnvironment", "serviceRole"),
    # The text is free: AWS's example in botocore's model says "ComputeEnvironment Healthy".
    ("ComputeEnvironment", "statusReason"),
    # AWS chooses the cluster's name. In that example it is NAME_Batch_UUID, in the console today AWSBatch-NAME-UUID.
    ("ComputeEnvironment", "ecsClusterArn"),
    # moto has 20 random characters. AWS's begin with AIPA (IAM User Guide, "Understanding unique ID prefixes").
    ("InstanceProfile", "uniqueId"),
    # moto gives its own form. AWS's is YYYY-MM-DDThh:mm:ss.sTZD (botocore's model, FunctionConfiguration.LastModified),
    # with +0000 in its example.
    ("Function", "lastModified"),
    # moto forgets these. They are in botocore's model, FunctionConfiguration.LoggingConfig.
    ("Function", "loggingConfig"),
    ("Function", "loggingConfig.logFormat"),
    ("Function", "loggingConfig.logGroup"),
    # moto leaves it out. It is in botocore's model, LogGroup.logGroupClass, with STANDARD as default.
    ("LogGroup", "logGroupClass"),
    # moto answers EC2 for a Fargate definition. AWS answers what was registered (botocore's model,
    # JobDefinition.platformCapabilities).
    ("JobDefinition", "platformCapabilities"),
    # The text is free; in the examples of AWS's command line reference it is USER_INITIATED.
    ("EventSourceMapping", "stateTransitionReason"),
}


@pytest.fixture(scope="module")
def ours(cloud):
    return Cloud(cloud.environment())


@pytest.fixture(scope="module")
def moto():
    with moto_server() as variables:
        yield Cloud(variables)


@pytest.fixture(scope="module")
def service_role(moto):
    """The role that moto requires for a compute environment."""
    with moto.in_use():
        return moto.clients("iam").create_service_linked_role(AWSServiceName="batch.amazonaws.com")["Role"]["Arn"]


@pytest.fixture(scope="module", params=["EC2", "FARGATE"])
def both(request, ours, moto, service_role):
    """What local AWS and moto answered for the same stack."""

    def with_role(type_, inputs):
        return {**inputs, "serviceRole": service_role} if type_.endswith(":ComputeEnvironment") else inputs

    stack = f"two-{uuid.uuid4().hex[:6]}"
    config = {**environment(request.param, PLACES["aws"], stack), "notifiers": each_notifier(PLACES["aws"])}
    return play(config, stack, ours), play(config, stack, moto, adapt=with_role)


def test_both_create_and_delete_the_whole_stack(both):
    ours, theirs = both
    assert ours.refused == {}
    assert {(kind(type_), code) for (type_, _), code in theirs.refused.items()} == REFUSED_BY_MOTO
    assert (ours.left, theirs.left) == ((), ())


def test_both_give_back_what_was_created(both):
    ours, theirs = both
    number = sum(len(properties) for properties in theirs.properties.values())
    print(f"{number} properties of {len(theirs.properties)} resources compared")
    assert differences(ours.properties, theirs.properties) <= DIFFERENCES
    assert len(theirs.properties) >= 32 and number >= 340


def differences(ours, theirs):
    """Return the types and paths of the properties that differ, of what is in both."""
    return {
        (kind(key[0]), path)
        for key, properties in theirs.items()
        for path in properties.keys() | ours[key].keys()
        if properties.get(path) != ours[key].get(path)
    }


def test_a_difference_that_nobody_settled_is_found(both):
    ours, theirs = both
    (key,) = [key for key in theirs.properties if key[1].endswith("-intake") and kind(key[0]) == "Queue"]
    theirs = {**theirs.properties, key: {**theirs.properties[key], "visibilityTimeoutSeconds": "1"}}
    assert differences(ours.properties, theirs) - DIFFERENCES == {("Queue", "visibilityTimeoutSeconds")}


@pytest.mark.parametrize(
    ("type_", "fault"),
    [
        ("Queue", put("name", "x" * 81)),
        ("Queue", put("maxMessageSize", 1_048_577)),
        ("Table", put("attributes", [{"name": "message", "type": "S"}])),
        ("Table", put("billingMode", "FREE")),
        ("Parameter", put("name", "aws-webhook")),
        ("Parameter", put("type", "SecretString")),
        ("Topic", put("name", "on call")),
        ("Topic", put("name", "x" * 257)),
        ("EventRule", put("eventPattern", '{"source": "aws.batch"}')),
        ("Function", put("memorySize", 64)),
        ("ComputeEnvironment", put("computeResources.type", "LIGHTSAIL")),
        ("JobDefinition", put("containerProperties", '{"image": "busybox"}')),
        ("JobDefinition", put("type", "array")),
    ],
)
def test_what_moto_refuses_local_aws_refuses_too(ours, moto, type_, fault):
    resources = plant(STACKS["ec2-aws"].record().resources, type_, fault)
    planted = next(one for one in resources if one.type_token.endswith(f":{type_}"))
    assert refusal(planted, moto)
    assert refusal(planted, ours, checked=True)


def refusal(resource, cloud, *, checked=False):
    """Return why the resource is refused, or None; `checked`: local AWS's own checks count, too."""
    one = TABLE[resource.type_token]
    inputs = {**resource.inputs, one.auto_name: resource.outputs[one.auto_name]}
    inputs.pop(f"{one.auto_name}Prefix", None)
    with cloud.in_use():
        try:
            given = one.check(resource.name, None, inputs, random.Random()) if checked else {**one.defaults, **inputs}
            one.create(given, cloud.clients)
        except (InvalidInputs, ClientError, ParamValidationError) as error:
            return str(error)
    return None


def kind(type_):
    return type_.rpartition(":")[2]
