from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from batchbell_local.cloud import LocalCloud, LocalCloudError

pytestmark = pytest.mark.local_aws

ROOT = Path(__file__).resolve().parents[2]

WHO_AM_I = """
import boto3
print(boto3.client("sts").get_caller_identity()["Account"], boto3.client("sqs").list_queues().get("QueueUrls"))
assert not boto3.session.Session().get_credentials().token
"""

WRITE_PID_AND_WAIT = """
import os, time

def handler(event, context):
    with open(os.environ["PID_FILE"] + ".new", "w") as file:
        file.write(str(os.getpid()))
    os.rename(os.environ["PID_FILE"] + ".new", os.environ["PID_FILE"])
    time.sleep(60)
"""

# Starts a cloud as the demo does, prints how to reach it, and waits to be killed.
STARTER = """
import json, sys
from batchbell_local.cloud import LocalCloud
cloud = LocalCloud.start()
print(json.dumps(cloud.environment()), flush=True)
sys.stdin.read()
"""


class Elsewhere:
    """A cloud that another process started, given by its environment."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.endpoint = environment["AWS_ENDPOINT_URL"]
        self._session = boto3.session.Session(
            environment["AWS_ACCESS_KEY_ID"],
            environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_REGION"],
        )

    def client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self.endpoint)


def test_its_environment_directs_boto3_to_it_whatever_the_user_has_set(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = {
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "the-user-s",
        "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:9",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_CONFIG_FILE": "/nonexistent/config",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)
    with LocalCloud.start() as cloud:
        queue = cloud.client("sqs").create_queue(QueueName="mine")["QueueUrl"]
        environment = {**os.environ, **cloud.environment()}
        done = subprocess.run([sys.executable, "-c", WHO_AM_I], env=environment, capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == (f"{cloud.account_id} ['{queue}']", 0), done.stderr


def test_two_clouds_share_nothing(cloud: LocalCloud) -> None:
    with LocalCloud.start() as other:
        assert other.endpoint != cloud.endpoint
        other.client("sqs").create_queue(QueueName="in-the-other")
        assert not cloud.client("sqs").list_queues(QueueNamePrefix="in-the-other").get("QueueUrls")


def test_it_listens_on_one_port_of_the_loopback_address_and_nowhere_else(cloud: LocalCloud) -> None:
    expected = f"0100007F:{urlsplit(cloud.endpoint).port:04X}"  # 127.0.0.1, in the kernel's notation
    listening = [_listening_sockets(child) for child in _children(os.getpid())]
    assert [expected] in listening, listening


def test_stopping_ends_running_functions_and_removes_its_files(
    deploy: Any, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    cloud = LocalCloud.start()
    pid_file = tmp_path / "pid"
    function = deploy(WRITE_PID_AND_WAIT, timeout=60, variables={"PID_FILE": str(pid_file)}, on=cloud)
    function.start()
    wait_until(pid_file.exists, "running")
    pid = int(pid_file.read_text())
    assert _alive(pid)
    folder = Path(cloud.environment()["AWS_CONFIG_FILE"]).parent
    assert folder.is_dir()
    cloud.stop()
    cloud.stop()
    wait_until(lambda: not _alive(pid), "ended with its cloud", timeout=2)
    assert not folder.exists()
    assert "Ready" in cloud.log()
    assert _is_refused(cloud.endpoint)


def test_a_hanging_process_is_named_and_killed_with_everything_that_it_started(
    deploy: Any, tmp_path: Path, wait_until: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batchbell_local.cloud.STOP_DEADLINE", 0.2)
    monkeypatch.setattr("batchbell_local.cloud.CALL_DEADLINE", 0.2)
    before = set(_children(os.getpid()))
    cloud = LocalCloud.start()
    (server,) = set(_children(os.getpid())) - before
    pid_file = tmp_path / "pid"
    deploy(WRITE_PID_AND_WAIT, timeout=60, variables={"PID_FILE": str(pid_file)}, on=cloud).start()
    wait_until(pid_file.exists, "running")
    os.kill(server, signal.SIGSTOP)
    with pytest.raises(LocalCloudError, match=r"did not answer POST /_batchbell/functions/restart within 0\.2 s"):
        cloud.restart_functions()
    cloud.stop()
    assert not _alive(server)
    wait_until(lambda: not _alive(int(pid_file.read_text())), "ended with its cloud", timeout=2)


def test_a_killed_starter_leaves_no_processes_and_no_files(
    deploy: Any, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    files = tmp_path / "files"
    files.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(files)}
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    cloud = Elsewhere(json.loads(starter.stdout.readline()))
    (server,) = _children(starter.pid)
    function_file, job_file = tmp_path / "function", tmp_path / "job"
    deploy(WRITE_PID_AND_WAIT, timeout=60, variables={"PID_FILE": str(function_file)}, on=cloud).start()
    _submit(cloud, f"echo $$ > {job_file}.new; mv {job_file}.new {job_file}; sleep 60 & wait")
    wait_until(lambda: function_file.exists() and job_file.exists(), "both running")
    pids = [server, int(function_file.read_text()), int(job_file.read_text())]
    pids += _children(pids[-1])
    assert len(pids) == 4
    assert all(_alive(pid) for pid in pids)

    starter.send_signal(signal.SIGKILL)
    starter.communicate()
    wait_until(lambda: not any(_alive(pid) for pid in pids), "ended with its starter", timeout=5)
    wait_until(lambda: not list(files.iterdir()), "without files", timeout=2)
    # A process counts as dead before the last of its threads has released its sockets.
    wait_until(lambda: _is_refused(cloud.endpoint), "closed", timeout=2)


def test_a_cloud_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "tmp").write_text("a file where a folder is needed")
    with pytest.raises(LocalCloudError, match=r"(?s)ended with code 1.*FileExistsError"):
        LocalCloud.start(folder=tmp_path)


def test_a_folder_given_by_the_caller_stays_with_its_log(tmp_path: Path) -> None:
    with LocalCloud.start(folder=tmp_path / "cloud") as cloud:
        cloud.client("sqs").create_queue(QueueName="in-the-log")
    assert "in-the-log" in (tmp_path / "cloud" / "cloud.log").read_text()
    assert "in-the-log" in cloud.log()


def test_a_mail_that_was_sent_is_in_the_mailbox(cloud: LocalCloud) -> None:
    mail = cloud.client("sesv2")
    mail.create_email_identity(EmailIdentity="bell@example.com")
    mail.send_email(
        FromEmailAddress="bell@example.com",
        Destination={"ToAddresses": ["a@example.com", "b@example.com"]},
        Content={"Simple": {"Subject": {"Data": "for the mailbox"}, "Body": {"Text": {"Data": "7 of 7"}}}},
    )
    (received,) = [mail for mail in cloud.mailbox() if mail["Subject"] == "for the mailbox"]
    assert received["To"] == ["a@example.com", "b@example.com"]
    assert received["BodyText"] == "7 of 7"


def test_an_administrator_may_do_everything_that_the_program_needs(cloud: LocalCloud) -> None:
    cloud.client("batch").describe_job_queues()
    ec2 = cloud.client("ec2")
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    assert ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"]
    group = ec2.create_security_group(GroupName="workers", Description="workers", VpcId=vpc["VpcId"])["GroupId"]
    ec2.create_launch_template(
        LaunchTemplateName="workers",
        LaunchTemplateData={"MetadataOptions": {"HttpTokens": "required"}, "SecurityGroupIds": [group]},
    )
    cloud.client("iam").list_roles()
    topic = cloud.client("sns").create_topic(Name="bells")["TopicArn"]
    cloud.client("sns").publish(TopicArn=topic, Message="ding")
    parameters = cloud.client("ssm")
    parameters.put_parameter(Name="/bell/webhook", Value="https://hooks", Type="SecureString")
    assert parameters.get_parameter(Name="/bell/webhook")["Parameter"]["Value"] != "https://hooks"
    read = parameters.get_parameter(Name="/bell/webhook", WithDecryption=True)
    assert read["Parameter"]["Value"] == "https://hooks"
    secret = cloud.client("secretsmanager").create_secret(Name="bell", SecretString="hook")["ARN"]
    assert cloud.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"] == "hook"
    cloud.client("events").put_rule(Name="parents", EventPattern=json.dumps({"source": ["aws.batch"]}))
    cloud.client("logs").create_log_group(logGroupName="/bell")
    cloud.client("cloudwatch").put_metric_alarm(
        AlarmName="dead-letters",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        Dimensions=[{"Name": "QueueName", "Value": "bells"}],
        MetricName="ApproximateNumberOfMessagesVisible",
        Namespace="AWS/SQS",
        Period=60,
        Statistic="Maximum",
        Threshold=0,
    )


def test_an_administrator_may_use_the_ledger_s_conditional_writes(cloud: LocalCloud) -> None:
    ledger = cloud.client("dynamodb")
    ledger.create_table(
        TableName="ledger",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
    )
    ledger.update_time_to_live(
        TableName="ledger", TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
    )
    claim: dict[str, Any] = {
        "TableName": "ledger",
        "Key": {"key": {"S": "job"}},
        "UpdateExpression": "SET holder = :me",
        "ConditionExpression": "attribute_not_exists(holder)",
        "ExpressionAttributeValues": {":me": {"S": "one"}},
    }
    ledger.update_item(**claim)
    with pytest.raises(ledger.exceptions.ConditionalCheckFailedException):
        ledger.update_item(**claim)
    with pytest.raises(ledger.exceptions.TransactionCanceledException):
        ledger.transact_write_items(TransactItems=[{"Update": claim}])
    claim["Key"] = {"key": {"S": "another"}}
    ledger.transact_write_items(TransactItems=[{"Update": claim}])
    assert ledger.scan(TableName="ledger")["Count"] == 2


def _submit(cloud: Elsewhere, script: str) -> None:
    """Run a shell script as a Batch job, on a queue of its own."""
    batch = cloud.client("batch")
    place = {"type": "FARGATE", "maxvCpus": 4, "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]}
    batch.create_compute_environment(computeEnvironmentName="place", type="MANAGED", computeResources=place)
    order = [{"order": 1, "computeEnvironment": "place"}]
    batch.create_job_queue(jobQueueName="queue", priority=1, computeEnvironmentOrder=order)
    batch.register_job_definition(
        jobDefinitionName="script",
        type="container",
        platformCapabilities=["FARGATE"],
        containerProperties={
            "image": "busybox",
            "command": ["sh", "-c", script],
            "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
            "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}],
        },
    )
    batch.submit_job(jobName="job", jobQueue="queue", jobDefinition="script")


def _is_refused(endpoint: str) -> bool:
    address = urlsplit(endpoint)
    try:
        socket.create_connection((address.hostname or "", address.port or 0), timeout=2).close()
    except ConnectionRefusedError:
        return True
    return False


def _listening_sockets(pid: int) -> list[str]:
    """ADDRESS:PORT, in the kernel's notation, of every TCP socket that the process listens on, including IPv6."""
    targets = {os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()}
    tables = [path for path in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")) if path.exists()]
    rows = [line.split() for table in tables for line in table.read_text().splitlines()[1:]]
    return [row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in targets]


def _children(pid: int) -> list[int]:
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _stat(int(entry.name))[1:2] == [str(pid)]
    ]


def _alive(pid: int) -> bool:
    return _stat(pid)[:1] not in ([], ["Z"])


def _stat(pid: int) -> list[str]:
    """State, parent, … of a process; empty if it does not exist."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
