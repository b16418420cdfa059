"""Deploys programs from a folder to the local cloud, like a user's program."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import uuid
from pathlib import Path

import pytest

from batchbell_local.deployment import Deployment, DeploymentFailed, Progress, deploy
from tests.waiting import within

SECRET = "https://hooks.example.com/services/T0/B0/very-secret"
PROJECT = "name: tiny\nruntime: python\nconfig:\n  size: {type: integer, default: 3}\n"
PREAMBLE = "import json, pulumi, pulumi_aws as aws\n"
PIPELINE = """
policy = lambda **statement: {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}


class Pipeline(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("tiny:index:Pipeline", name, None, opts)
        inside = pulumi.ResourceOptions(parent=self)
        self.queue = aws.sqs.Queue(f"{name}-intake", visibility_timeout_seconds=30, opts=inside)
        self.rule = aws.cloudwatch.EventRule(f"{name}-rule", event_pattern='{"source":["tiny"]}', opts=inside)
        may_send = aws.sqs.QueuePolicy(
            f"{name}-intake",
            queue_url=self.queue.url,
            policy=pulumi.Output.json_dumps(
                policy(
                    Principal={"Service": "events.amazonaws.com"},
                    Action="sqs:SendMessage",
                    Resource=self.queue.arn,
                    Condition={"ArnEquals": {"aws:SourceArn": self.rule.arn}},
                )
            ),
            opts=inside,
        )
        after = pulumi.ResourceOptions(parent=self, depends_on=[may_send])
        aws.cloudwatch.EventTarget(f"{name}-intake", rule=self.rule.name, arn=self.queue.arn, opts=after)
        self.table = aws.dynamodb.Table(
            f"{name}-seen",
            hash_key="key",
            attributes=[{"name": "key", "type": "S"}],
            billing_mode="PAY_PER_REQUEST",
            ttl={"enabled": True, "attribute_name": "expires"},
            opts=inside,
        )
        self.parameter = aws.ssm.Parameter(
            f"{name}-hook",
            name=f"/{pulumi.get_stack()}/hook",
            type="SecureString",
            value=pulumi.Config().require_secret("hook"),
            opts=inside,
        )
        role = aws.iam.Role(
            f"{name}-reader",
            assume_role_policy=json.dumps(
                policy(Principal={"Service": "lambda.amazonaws.com"}, Action="sts:AssumeRole")
            ),
            opts=inside,
        )
        rights = aws.iam.RolePolicy(
            f"{name}-reader",
            role=role.name,
            policy=pulumi.Output.json_dumps(
                policy(Action=["sqs:*", "dynamodb:PutItem"], Resource=[self.queue.arn, self.table.arn])
            ),
            opts=inside,
        )
        self.function = aws.lambda_.Function(
            f"{name}-reader",
            role=role.arn,
            runtime=f"python{pulumi.Config().require('python')}",
            handler="app.handler",
            timeout=5,
            environment={"variables": {"TABLE": self.table.name}},
            code=pulumi.AssetArchive(
                {".": pulumi.FileArchive("code"), "manifest.json": pulumi.StringAsset('{"greeting": "hello"}')}
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[rights]),
        )
        aws.lambda_.EventSourceMapping(
            f"{name}-reader",
            event_source_arn=self.queue.arn,
            function_name=self.function.arn,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config={"maximum_concurrency": 2},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[rights]),
        )
        self.register_outputs({})


pipeline = Pipeline("p")
pulumi.export("queue", pipeline.queue.url)
pulumi.export("rule", pipeline.rule.name)
pulumi.export("table", pipeline.table.name)
pulumi.export("function", pipeline.function.name)
pulumi.export("parameter", pipeline.parameter.name)
pulumi.export("size", pulumi.Config().require_int("size"))
pulumi.export("hook", pipeline.parameter.value)
pulumi.export("nested", {"hooks": [pipeline.parameter.value]})
pulumi.export("unmarked", pulumi.Output.unsecret(pipeline.parameter.value))
"""
HANDLER = """
import json, os, boto3
greeting = json.load(open("manifest.json"))["greeting"]

def handler(event, context):
    table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
    for record in event["Records"]:
        table.put_item(Item={"key": record["body"], "greeting": greeting})
    return {"batchItemFailures": []}
"""


class Program:
    """A program's folder, which is deployed to the tests' cloud as a stack of its own."""

    def __init__(self, folder, cloud):
        self.folder, self.cloud = folder, cloud
        self.stack = f"s{uuid.uuid4().hex[:8]}"
        self.progress: list[Progress] = []
        self.deployment: Deployment | None = None
        (folder / "Pulumi.yaml").write_text(PROJECT)

    def write(self, text):
        (self.folder / "__main__.py").write_text(PREAMBLE + textwrap.dedent(text))

    def deploy(self, **more):
        return deploy(self.cloud.environment(), self.folder, self.stack, **more)

    def failure(self, text, **more):
        """Deploy a program that cannot be deployed; return the message."""
        self.write(text)
        with pytest.raises(DeploymentFailed) as failed:
            self.deploy(**more)
        return str(failed.value)


@pytest.fixture
def program(tmp_path, cloud):
    return Program(tmp_path, cloud)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory, cloud):
    program = Program(tmp_path_factory.mktemp("pipeline"), cloud)
    program.write(PIPELINE)
    (program.folder / "code").mkdir()
    (program.folder / "code" / "app.py").write_text(HANDLER)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    program.deployment = program.deploy(
        config={"python": version}, secrets={"hook": SECRET}, on_progress=program.progress.append
    )
    return program


def test_a_message_in_the_deployed_queue_reaches_the_deployed_function(pipeline, cloud, wait_until):
    outputs = pipeline.deployment.outputs
    cloud.client("sqs").send_message(QueueUrl=outputs["queue"], MessageBody="by hand")
    key = {"TableName": outputs["table"], "Key": {"key": {"S": "by hand"}}}
    wait_until(lambda: "Item" in cloud.client("dynamodb").get_item(**key), "written by the function")
    assert cloud.client("dynamodb").get_item(**key)["Item"]["greeting"] == {"S": "hello"}


def test_an_event_that_the_deployed_rule_matches_reaches_the_function(pipeline, cloud, wait_until):
    event = {"Source": "tiny", "DetailType": "x", "Detail": "{}"}
    cloud.client("events").put_events(Entries=[event])
    table = pipeline.deployment.outputs["table"]
    wait_until(
        lambda: any('"tiny"' in item["key"]["S"] for item in cloud.client("dynamodb").scan(TableName=table)["Items"]),
        "written by the function",
    )


def test_aws_has_what_the_program_declared(pipeline, cloud):
    outputs = pipeline.deployment.outputs
    attributes = cloud.client("sqs").get_queue_attributes(QueueUrl=outputs["queue"], AttributeNames=["All"])
    assert attributes["Attributes"]["VisibilityTimeout"] == "30"
    assert "aws:SourceArn" in attributes["Attributes"]["Policy"]
    mappings = cloud.client("lambda").list_event_source_mappings(FunctionName=outputs["function"])
    assert mappings["EventSourceMappings"][0]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mappings["EventSourceMappings"][0]["ScalingConfig"] == {"MaximumConcurrency": 2}
    ttl = cloud.client("dynamodb").describe_time_to_live(TableName=outputs["table"])["TimeToLiveDescription"]
    assert ttl["AttributeName"] == "expires"
    parameter = cloud.client("ssm").get_parameter(Name=outputs["parameter"], WithDecryption=True)["Parameter"]
    assert (parameter["Type"], parameter["Value"]) == ("SecureString", SECRET)


def test_configuration_reaches_the_program(pipeline):
    assert pipeline.deployment.outputs["size"] == 3


def test_secrets_are_masked_in_outputs_however_they_got_there(pipeline):
    outputs = pipeline.deployment.outputs
    assert outputs["hook"] == "[secret]"
    assert outputs["nested"] == {"hooks": ["[secret]"]}
    assert outputs["unmarked"] == "[secret]"


def test_every_resource_is_reported_as_it_is_created_and_listed_at_the_end(pipeline):
    listed = [(one.type, one.name) for one in pipeline.deployment.resources]
    assert [(one.type, one.name) for one in pipeline.progress] == listed
    assert ("aws:lambda/function:Function", "p-reader") in listed
    assert len(listed) == 10
    assert all(isinstance(one, Progress) and one.seconds > 0 for one in pipeline.progress)


def test_depends_on_is_respected(pipeline):
    names = [(one.type.rsplit(":", 1)[-1], one.name) for one in pipeline.deployment.resources]
    assert names.index(("RolePolicy", "p-reader")) < names.index(("Function", "p-reader"))


def test_a_run_error_inside_apply_is_reported_unchanged(program):
    text = """
    def refuse(arn):
        raise pulumi.RunError("not this one")

    pulumi.export("x", aws.sqs.Queue("q").arn.apply(refuse))
    """
    assert program.failure(text) == "not this one"


def test_a_mistake_in_the_program_is_reported_with_its_line(program):
    assert program.failure("\nnowhere()") == (
        "the program failed: NameError: name 'nowhere' is not defined (__main__.py, line 3)"
    )


def test_no_error_and_no_output_contains_a_secret(program):
    text = """
    secret = pulumi.Config().require("hook")
    pulumi.warn(f"using {secret}")
    raise ValueError(f"cannot parse {secret}")
    """
    program.write(text)
    with pytest.raises(DeploymentFailed) as failed:
        program.deploy(secrets={"hook": SECRET})
    assert "cannot parse [secret]" in str(failed.value)
    assert "using [secret]" in failed.value.printed
    assert SECRET not in str(failed.value) + failed.value.printed


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_nothing_is_deployed_if_the_endpoint_is_not_on_this_machine(program):
    program.write('aws.sqs.Queue("q")')
    away = program.cloud.environment() | {"AWS_ENDPOINT_URL": "https://sqs.us-east-1.amazonaws.com"}
    with pytest.raises(DeploymentFailed, match="AWS_ENDPOINT_URL does not name local AWS"):
        deploy(away, program.folder, program.stack)


def test_a_resource_that_exists_can_be_looked_up(program, cloud):
    url = cloud.client("sqs").create_queue(QueueName=program.stack)["QueueUrl"]
    program.write(f'pulumi.export("arn", aws.sqs.Queue.get("mine", "{url}").arn)')
    assert program.deploy().outputs["arn"].endswith(f":{program.stack}")


def test_the_program_runs_in_its_own_folder_with_its_own_modules(program):
    (program.folder / "components.py").write_text("here = 'mine'")
    program.write('import components, os\npulumi.export("where", [components.here, os.path.exists("Pulumi.yaml")])')
    assert program.deploy().outputs["where"] == ["mine", True]


def test_the_program_ends_when_the_process_that_deploys_it_is_killed(program, wait_until):
    mark = program.folder / "pid"
    program.write(f'import os, time\nopen({str(mark)!r}, "w").write(str(os.getpid()))\ntime.sleep(600)')
    script = (
        "import sys; from pathlib import Path; from batchbell_local.deployment import deploy\n"
        f"deploy({program.cloud.environment()!r}, Path({str(program.folder)!r}), 'dev')"
    )
    caller = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).resolve().parents[2])
    wait_until(lambda: mark.exists() and mark.read_text(), "the program running")
    pid = int(mark.read_text())
    assert is_alive(pid)
    caller.kill()
    caller.wait()
    wait_until(lambda: not is_alive(pid), "the program ended")


def test_a_hanging_program_is_killed_with_what_it_started(program, wait_until):
    mark = program.folder / "pid"
    (program.folder / "__main__.py").write_text(
        textwrap.dedent(
            f"""
            import subprocess
            child = subprocess.Popen(["sleep", "600"])
            open({str(mark)!r}, "w").write(str(child.pid))
            child.wait()
            """
        )
    )
    for limit in (2, 10, 60):  # until the program has begun, which takes longer than 2 s on a busy machine
        with within(limit + 2), pytest.raises(DeploymentFailed) as failed:
            program.deploy(timeout=limit)
        assert str(failed.value).startswith(f"the deployment took longer than {limit} s; it was still waiting for the ")
        if mark.exists():
            break
    assert str(failed.value).endswith("; it was still waiting for the program itself")
    wait_until(lambda: not is_alive(int(mark.read_text())), "what the program started ended")


def test_a_refused_resource_or_function_ends_the_program(program):
    assert program.failure('aws.s3.Bucket("files")') == (
        'aws:s3/bucket:Bucket "files": this resource type is not supported by local AWS'
    )
    assert program.failure("aws.get_billing_service_account()").startswith(
        'function "aws:index/getBillingServiceAccount'
    )
