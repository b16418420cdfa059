"""The monitor's responses to the SDK's requests, on the local cloud."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.proto import resource_pb2

from batchbell_local.pulumi.monitor import ResourceError, ResourceMonitor
from batchbell_local.pulumi.naming import Naming
from batchbell_local.pulumi.redaction import Redaction
from batchbell_local.pulumi.resources import Clients, property_values

SECRET = "https://hooks.example.com/services/T0/B0/very-secret"
STACK = "urn:pulumi:dev::tiny::pulumi:pulumi:Stack::tiny-dev"
QUEUE = "aws:sqs/queue:Queue"
TOPIC = "aws:sns/topic:Topic"
PARAMETER = "aws:ssm/parameter:Parameter"
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def clients(cloud):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cloud.environment().items():
            patch.setenv(name, value)
        yield Clients()


class Sdk:
    """Sends the requests that Pulumi's SDK would send."""

    def __init__(self, clients):
        self.events: list[Any] = []
        self.redaction = Redaction()
        self.monitor = ResourceMonitor("tiny", "dev", Naming(), clients, self.redaction, self.events.append)

    def register(self, type_, name, inputs=None, *, secret=(), parent=STACK, custom=True, **more):
        struct = property_values.encode(inputs or {}, frozenset(secret))
        return self.monitor.RegisterResource(
            resource_pb2.RegisterResourceRequest(
                type=type_, name=name, object=struct, parent=parent, custom=custom, **more
            )
        )

    def read(self, type_, name, id):
        return self.monitor.ReadResource(resource_pb2.ReadResourceRequest(type=type_, name=name, id=id, parent=STACK))

    def invoke(self, token, **arguments):
        request = resource_pb2.ResourceInvokeRequest(tok=token, args=property_values.encode(arguments))
        return property_values.decode(getattr(self.monitor.Invoke(request), "return")).values

    def finish(self, outputs, secret=()):
        struct = property_values.encode(outputs, frozenset(secret))
        self.monitor.RegisterResourceOutputs(resource_pb2.RegisterResourceOutputsRequest(urn=STACK, outputs=struct))
        return self.monitor.outputs

    def refusal(self, *arguments, **more):
        with pytest.raises(ResourceError) as refused:
            self.register(*arguments, **more)
        assert self.monitor.failures == [str(refused.value)]
        assert "\n" not in str(refused.value)
        return str(refused.value)


@pytest.fixture
def sdk(clients):
    return Sdk(clients)


@pytest.fixture
def unique():
    return f"m{uuid.uuid4().hex[:8]}"


def test_a_registered_resource_exists_and_its_outputs_are_returned(sdk, cloud):
    answer = sdk.register(QUEUE, "q", {"delaySeconds": 4.0})
    found = cloud.client("sqs").get_queue_attributes(QueueUrl=answer.id, AttributeNames=["All"])["Attributes"]
    outputs = property_values.decode(answer.object).values
    assert found["DelaySeconds"] == "4"
    assert outputs["arn"] == found["QueueArn"]
    assert not [name for name in outputs if name.startswith("__")]


def test_progress_is_reported_before_and_after(sdk):
    sdk.register(QUEUE, "q")
    assert [next(iter(event)) for event in sdk.events] == ["creating", "created"]
    assert sdk.events[1]["created"]["name"] == "q"


def test_a_resource_in_a_component_has_the_types_of_all_its_parents_in_its_urn(sdk):
    outer = sdk.register("tiny:index:Outer", "outer", custom=False)
    inner = sdk.register("tiny:index:Inner", "inner", custom=False, parent=outer.urn)
    queue = sdk.register(QUEUE, "q", parent=inner.urn)
    assert outer.urn == "urn:pulumi:dev::tiny::tiny:index:Outer::outer"
    assert queue.urn == f"urn:pulumi:dev::tiny::tiny:index:Outer$tiny:index:Inner${QUEUE}::q"


def test_components_of_two_types_may_have_one_name(sdk):
    for kind in ("tiny:index:A", "tiny:index:B"):
        parent = sdk.register(kind, "part", custom=False)
        sdk.register(QUEUE, "q", parent=parent.urn)
    assert sdk.monitor.failures == []


def test_two_resources_of_one_type_and_name_are_refused(sdk):
    sdk.register(QUEUE, "a")
    assert sdk.refusal(QUEUE, "a").startswith(f'{QUEUE} "a": there are two resources of this type and name')


def test_two_components_of_one_type_and_name_are_refused(sdk):
    sdk.register("tiny:index:A", "a", custom=False)
    assert 'tiny:index:A "a": there are two' in sdk.refusal("tiny:index:A", "a", custom=False)


def test_two_resources_that_are_one_aws_resource_are_refused(sdk, unique):
    sdk.register(QUEUE, "a", {"name": unique})
    assert f'{QUEUE} "b": it is the same AWS resource as "a": ' in sdk.refusal(QUEUE, "b", {"name": unique})


def test_an_unknown_type_is_refused(sdk):
    refusal = sdk.refusal("aws:s3/bucket:Bucket", "files")
    assert refusal == 'aws:s3/bucket:Bucket "files": this resource type is not supported by local AWS'


def test_another_clouds_provider_is_refused(sdk):
    assert "not supported by local AWS" in sdk.refusal("pulumi:providers:azure", "p")


def test_an_unknown_function_is_refused(sdk):
    with pytest.raises(ResourceError, match=r"aws:x/y:y.*: this function is not supported by local AWS"):
        sdk.invoke("aws:x/y:y")


def test_a_known_function_returns_its_result(sdk):
    assert sdk.invoke("aws:index/getCallerIdentity:getCallerIdentity")["accountId"] == "123456789012"


def test_an_unknown_input_is_refused_and_nothing_is_created(sdk, cloud, unique):
    refusal = sdk.refusal(QUEUE, "q", {"name": unique, "visibilityTimeout": 3})
    assert refusal.startswith(f'{QUEUE} "q": visibilityTimeout: unknown input')
    assert sdk.events == []
    assert not cloud.client("sqs").list_queues(QueueNamePrefix=unique).get("QueueUrls")


def test_an_error_of_aws_names_the_resource_and_awss_reason(sdk):
    type_ = "aws:cloudwatch/eventTarget:EventTarget"
    inputs = {"rule": "nowhere", "arn": "arn:aws:sqs:us-east-1:123456789012:q"}
    assert sdk.refusal(type_, "t", inputs).startswith(f'{type_} "t": ResourceNotFoundException: ')


@pytest.mark.parametrize(
    ("source", "refused"),
    [(None, True), ("arn:aws:events:us-east-1:123456789012:rule/other", True), ("{rule}", False)],
)
def test_a_queue_that_the_rule_may_not_send_to_is_refused_as_its_target(sdk, unique, source, refused):
    """AWS accepts such a target and drops its events."""
    rule = property_values.decode(
        sdk.register("aws:cloudwatch/eventRule:EventRule", unique, {"eventPattern": '{"source":["x"]}'}).object
    ).values
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "*",
        "Condition": {"ArnEquals": {"aws:SourceArn": str(source).format(rule=rule["arn"])}},
    }
    policy = {"policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})} if source else {}
    queue = property_values.decode(sdk.register(QUEUE, unique, policy).object).values
    target = "aws:cloudwatch/eventTarget:EventTarget", unique, {"rule": rule["name"], "arn": queue["arn"]}
    if refused:
        assert "its events would be lost" in sdk.refusal(*target)
    else:
        assert sdk.register(*target).id.startswith(rule["name"])


def test_a_log_group_that_exists_is_refused(sdk, cloud, unique):
    cloud.client("logs").create_log_group(logGroupName=unique)
    refusal = sdk.refusal("aws:cloudwatch/logGroup:LogGroup", "logs", {"name": unique})
    assert 'LogGroup "logs": ResourceAlreadyExistsException' in refusal


def test_a_topic_that_exists_is_refused(sdk, cloud, unique):
    cloud.client("sns").create_topic(Name=unique)
    assert sdk.refusal(TOPIC, "t", {"name": unique}) == f'{TOPIC} "t": a topic with the name {unique} already exists'


def test_a_mapping_refuses_a_queue_with_a_visibility_timeout_below_the_functions_timeout(sdk, deploy):
    reading = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    function = deploy("def handler(event, context): pass", timeout=60, statements=[reading])
    queue = property_values.decode(sdk.register(QUEUE, "q", {"visibilityTimeoutSeconds": 30}).object).values
    inputs = {"eventSourceArn": queue["arn"], "functionName": function.name}
    refusal = sdk.refusal("aws:lambda/eventSourceMapping:EventSourceMapping", "m", inputs)
    assert 'EventSourceMapping "m": InvalidParameterValueException: ' in refusal
    assert "isibility timeout" in refusal


def test_a_second_mapping_of_one_queue_and_function_is_refused(sdk, deploy):
    reading = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    function = deploy("def handler(event, context): pass", timeout=5, statements=[reading])
    queue = property_values.decode(sdk.register(QUEUE, "q").object).values
    inputs = {"eventSourceArn": queue["arn"], "functionName": function.name}
    mapping = "aws:lambda/eventSourceMapping:EventSourceMapping"
    sdk.register(mapping, "m", inputs)
    assert 'EventSourceMapping "n": ResourceConflictException: ' in sdk.refusal(mapping, "n", inputs)


def test_a_secret_input_is_a_secret_output(sdk, unique):
    inputs = {"name": f"/{unique}", "type": "SecureString", "value": SECRET}
    answer = sdk.register(PARAMETER, "p", inputs, secret=["value"])
    assert "value" in property_values.decode(answer.object).secret
    assert "arn" not in property_values.decode(answer.object).secret


def test_a_parameters_value_is_a_secret_output_in_any_case(sdk, unique):
    answer = sdk.register(PARAMETER, "p", {"name": f"/{unique}", "type": "String", "value": "plain"})
    assert property_values.decode(answer.object).secret == {"value"}


def test_outputs_that_the_program_declares_secret_are_secret(sdk):
    answer = sdk.register(QUEUE, "q", additionalSecretOutputs=["url"])
    assert property_values.decode(answer.object).secret == {"url"}


def test_an_output_that_repeats_a_secret_is_a_secret(sdk):
    answer = sdk.register(TOPIC, "t", {"displayName": f"see {SECRET}"}, secret=["displayName"])
    again = sdk.register(TOPIC, "u", {"displayName": f"see {SECRET}"})
    assert (
        property_values.decode(answer.object).secret == property_values.decode(again.object).secret == {"displayName"}
    )


def test_no_error_contains_a_secret(sdk):
    inputs = {"name": f"no-slash-first/{SECRET}", "type": "String", "value": SECRET}
    assert SECRET not in sdk.refusal(PARAMETER, SECRET, inputs, secret=["value"])


def test_secrets_in_the_stacks_outputs_are_masked(sdk):
    outputs = sdk.finish({"hook": SECRET, "copy": f"see {SECRET}", "deep": {"a": [SECRET]}, "n": 1}, secret=["hook"])
    assert outputs == {"hook": "[secret]", "copy": "see [secret]", "deep": {"a": ["[secret]"]}, "n": 1}


def test_a_resource_that_exists_can_be_read(sdk, cloud, unique):
    url = cloud.client("sqs").create_queue(QueueName=unique)["QueueUrl"]
    found = property_values.decode(sdk.read(QUEUE, "mine", url).properties).values
    assert found["arn"].endswith(f":{unique}")


def test_a_resource_that_does_not_exist_cannot_be_read(sdk):
    with pytest.raises(ResourceError, match='aws:iam/role:Role "mine": no-such-role does not exist'):
        sdk.read("aws:iam/role:Role", "mine", "no-such-role")


def test_a_provider_for_this_region_is_accepted_and_another_refused(sdk):
    assert sdk.register("pulumi:providers:aws", "here", {"region": "us-east-1"}).id
    refusal = sdk.refusal("pulumi:providers:aws", "there", {"region": "eu-west-1"})
    assert refusal.endswith("region: local AWS is in us-east-1, not in eu-west-1")


def test_imports_are_refused(sdk):
    assert "imports do not work without the Pulumi engine" in sdk.refusal(QUEUE, "q", importId="x")


@pytest.mark.parametrize(
    "end",
    [
        "raise pulumi.RunError('no notifier')",
        "raise SystemExit(32) from pulumi.RunError('no notifier')",  # as a program that has shown it to the engine
    ],
)
def test_the_process_exits_with_1_and_the_reason_as_the_last_line(tmp_path, cloud, end):
    (tmp_path / "Pulumi.yaml").write_text("name: tiny\n")
    (tmp_path / "__main__.py").write_text(f"import pulumi\nprint('first')\n{end}\n")
    order = f'{{"program": "{tmp_path}", "stack": "dev", "config": {{}}, "secrets": {{}}}}\n'
    child = subprocess.Popen(
        [sys.executable, "-m", "batchbell_local.pulumi.monitor"],
        cwd=ROOT,
        env=cloud.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdin and child.stdout and child.stderr
    child.stdin.write(order)
    child.stdin.flush()
    assert child.wait(120) == 1
    assert child.stderr.read().splitlines() == ["first", "no notifier"]
    assert child.stdout.read() == '{"failed": "no notifier"}\n'
    for stream in (child.stdin, child.stdout, child.stderr):
        stream.close()
