"""The print-color stack, from a finished job to the messages: the real function process, queues and ledger."""

from __future__ import annotations

import json
import time
import uuid

import pytest

BATCH_ARN = "arn:aws:batch:us-east-1:123456789012"


@pytest.fixture
def finished(event, name):
    """Makes the event of a finished array job with that name; each call makes another job."""

    def make(status="succeeded", **detail):
        job = str(uuid.uuid4())
        identity = {"jobName": name, "jobId": job, "jobArn": f"{BATCH_ARN}:job/{job}"}
        return event(f"parent-{status}", **identity | detail)

    return make


def test_an_array_job_sends_one_message_on_every_channel(print_color, name):
    print_color.submit(name, 7)
    print_color.wait_until_received(name)
    print_color.wait_until_idle()

    title = f"{name} succeeded: all 7 children"
    assert print_color.slack(name)[0].startswith(f"✅ {title}\nArray job on print-color-queue, ")
    assert print_color.mails(name)[0] == title
    assert print_color.unexplained(name) == {}


def test_the_message_lists_failed_children_by_exit_code_with_their_indexes(print_color, name):
    script = "case $AWS_BATCH_JOB_ARRAY_INDEX in 0|1|2) exit 3;; 4) exit 5;; esac"
    print_color.submit(name, 6, ["sh", "-c", script])
    print_color.wait_until_received(name)

    assert print_color.mails(name) == [f"{name} failed: 4 of 6 children"]
    (mail,) = (mail for mail in print_color.cloud.mailbox() if name in mail["Subject"])
    text = " ".join(mail["BodyText"].split())
    assert "(exit code 3) children 0-2" in text
    assert "(exit code 5) child 4" in text
    assert "log-group/print-color-bell-batch-jobs-" in text
    assert "print-color$252Fdefault$252F" in text


def test_an_event_that_aws_delivers_twice_sends_one_message(print_color, finished, name):
    event = finished()
    print_color.send(event, event | {"id": "again"})
    print_color.wait_until_received(name)
    print_color.send(event)
    print_color.wait_until_idle()

    assert print_color.unexplained(name) == {}


def test_a_blocked_queue_sends_one_message_a_day_whichever_jobs_are_at_its_head(print_color, event, name):
    queue = f"{BATCH_ARN}:job-queue/{print_color.deployment.outputs['job_queue_name']}"
    blocked, other = (
        event("queue-blocked", jobName=name, jobId=str(uuid.uuid4()), jobQueue=one) for one in (queue, f"{queue}-2")
    )
    child = event("queue-blocked-by-child", jobName=name, jobQueue=queue)
    print_color.cloud.raise_events([other, blocked, blocked])
    print_color.wait_until_received(name)
    print_color.cloud.raise_events([blocked, child, event("queue-blocked", jobName=f"{name}-2", jobQueue=queue)])
    print_color.wait_until_idle()

    assert print_color.mails(name)[0] == f"Job queue print-color-queue is blocked by {name}"
    assert print_color.unexplained(name) == {}


def test_a_test_message_passes_through_the_deployed_queue_and_function(print_color):
    unknown = f"test-{uuid.uuid4().hex}"
    print_color.send({"test": 1, "id": str(uuid.uuid4()), "notifiers": ["slack", unknown], "sent_at": time.time()})
    print_color.wait_until(lambda: print_color.slack("Test message from print-color"), "in Slack", timeout=20)
    print_color.wait_until_idle()

    assert print_color.mails("Test message") == []
    (dead,) = print_color.dead_letters()
    assert (dead["notifier"], dead["reason"]) == (unknown, f"the stack has no notifier {unknown}")


def test_an_invalid_record_becomes_a_dead_letter_and_the_rest_of_its_batch_is_delivered(print_color, finished, name):
    without_status = finished()
    without_status["detail"]["status"] = None
    print_color.send(
        "not JSON at all",
        finished() | {"source": "aws.ec2"},
        without_status,
        finished(),
        json.dumps(["a list"]),
    )
    print_color.wait_until_received(name)
    print_color.wait_until_idle()
    dead = print_color.dead_letters()

    assert sorted(letter["reason"] for letter in dead) == [
        "detail has no status",
        "source is not aws.batch",
        "the record is not JSON",
        "the record is not a JSON object",
    ]
    assert "hunter2" not in json.dumps(dead)
    assert print_color.unexplained(name) == {}


def test_a_permanent_refusal_becomes_a_dead_letter_and_does_not_affect_other_channels(print_color, finished, name):
    print_color.sink.answer(status=404)
    print_color.send(finished())
    print_color.wait_until(lambda: print_color.mails(name), "mailed")
    print_color.wait_until_idle()
    print_color.sink.answer(status=200)
    (letter,) = print_color.dead_letters()

    assert (letter["notifier"], letter["reason"]) == ("slack", "Slack answered 404 no_service")
    assert letter["message"]["title"] == f"{name} succeeded: all 7 children"
    assert print_color.unexplained(name) == {"slack": []}


def test_a_channel_that_is_down_gets_its_message_later_and_the_others_get_theirs_once(print_color, finished, name):
    print_color.sink.stop_listening()
    try:
        print_color.send(finished())
        print_color.wait_until(lambda: print_color.mails(name), "mailed", timeout=20)
        print_color.wait_until(lambda: print_color.in_queue("retry_queue_url") == 1, "a ticket")
    finally:
        print_color.sink.listen()
    print_color.wait_until(lambda: print_color.slack(name), "sent later", timeout=30)
    print_color.wait_until_idle()

    assert print_color.unexplained(name) == {}
    assert print_color.dead_letters() == []


def test_the_log_names_the_parent_and_contains_no_secret(print_color, finished, name):
    print_color.send(finished("failed"))
    print_color.wait_until_received(name)
    print_color.wait_until(lambda: name in print_color.log(), "logged")
    lines = [json.loads(line) for line in print_color.log().splitlines() if name in line and line.startswith("{")]
    (line,) = (line for line in lines if line["message"] == "job")

    assert (line["child"], line["status"]) == ("parent", "FAILED")
    assert "hunter2" not in print_color.log()
    assert print_color.sink.url.rpartition("/")[2] not in print_color.log()


def test_a_stack_that_asks_for_no_look_at_what_runs_has_no_schedule(print_color):
    events = print_color.cloud.client("events")
    rules = [one.id for one in print_color.deployment.resources if one.type.endswith(":EventRule")]

    assert [events.describe_rule(Name=one).get("ScheduleExpression") for one in rules] == [None]


def test_an_event_with_the_longest_texts_sends_a_message(print_color, finished, name):
    print_color.send(
        finished("failed", statusReason="x" * 100_000, jobDefinition=f"{BATCH_ARN}:job-definition/{'d' * 128}:1")
    )
    print_color.wait_until_received(name)
    print_color.wait_until_idle()

    assert print_color.dead_letters() == []


def test_the_functions_role_allows_what_it_needs_and_no_more(print_color):
    iam, cloud = print_color.cloud.client("iam"), print_color.cloud
    function = cloud.client("lambda").get_function(FunctionName=print_color.deployment.outputs["function_name"])
    role = function["Configuration"]["Role"].rpartition("/")[2]
    (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]

    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    for statement in document["Statement"]:
        assert not any("*" in action for action in statement["Action"])
        if "*" in statement["Resource"]:
            assert set(statement["Action"]) == {"batch:ListJobs", "batch:DescribeJobs"}
    secret = [
        statement["Resource"] for statement in document["Statement"] if statement["Action"] == ["ssm:GetParameter"]
    ]
    assert secret == [
        ["arn:aws:ssm:us-east-1:123456789012:parameter/batchbell/batchbell/print-color/bell/slack/webhook"]
    ]


def test_no_secret_is_in_the_environment_or_the_package(print_color):
    import io
    import urllib.request
    import zipfile

    function = print_color.cloud.client("lambda").get_function(
        FunctionName=print_color.deployment.outputs["function_name"]
    )
    token = print_color.sink.url.rpartition("/")[2]
    package = zipfile.ZipFile(io.BytesIO(urllib.request.urlopen(function["Code"]["Location"]).read()))

    assert token not in json.dumps(function["Configuration"]["Environment"])
    assert not any(token.encode() in package.read(name) for name in package.namelist())
    assert json.loads(package.read("manifest.json"))["instances"][0]["secrets"]["webhook"].keys() == {"ssm"}


def test_lambdas_recursion_detection_does_not_limit_retries(print_color):
    """Lambda's recursion detection would drop a ticket that has passed the queue 16 times."""
    function = print_color.deployment.outputs["function_name"]
    config = print_color.cloud.client("lambda").get_function_recursion_config(FunctionName=function)

    assert config["RecursiveLoop"] == "Allow"


def test_the_stack_creates_the_tutorials_resources(print_color):
    batch = print_color.cloud.client("batch")
    (queue,) = batch.describe_job_queues(jobQueues=["print-color-queue"])["jobQueues"]
    environment = queue["computeEnvironmentOrder"][0]["computeEnvironment"]
    (computing,) = batch.describe_compute_environments(computeEnvironments=[environment])["computeEnvironments"]

    assert computing["computeEnvironmentName"].startswith("print-color-computing-")
    assert computing["computeResources"]["type"] == "EC2"
    role = computing["computeResources"]["instanceRole"].rpartition("/")[2]
    (profile_role,) = print_color.cloud.client("iam").get_instance_profile(InstanceProfileName=role)["InstanceProfile"][
        "Roles"
    ]
    attached = print_color.cloud.client("iam").list_attached_role_policies(RoleName=profile_role["RoleName"])
    assert [policy["PolicyName"] for policy in attached["AttachedPolicies"]] == ["AmazonEC2ContainerServiceforEC2Role"]
