"""Refusals of the provider or AWS are errors that name the resource, as early as with the real ones."""

from __future__ import annotations

import textwrap

import pytest

HEAD = """
    import json
    import pulumi
    import pulumi_aws as aws
"""


@pytest.fixture
def program(stack_of, tmp_path):
    """Makes a stack of a program with these lines."""

    def make(lines):
        (tmp_path / "Pulumi.yaml").write_text("name: small\nruntime: python\n")
        (tmp_path / "__main__.py").write_text(textwrap.dedent(HEAD) + textwrap.dedent(lines))
        stack = stack_of(tmp_path, f"s-{tmp_path.name.replace('_', '-')}"[:40])
        stack.secrets.clear()
        return stack

    return make


@pytest.mark.parametrize(
    ("line", "reasons"),
    [
        ("aws.s3.Bucket('b')", ("aws:s3/bucket:Bucket: this resource type is not supported by local AWS",)),
        (
            "aws.batch.JobQueue('j', state='ENABLED', priority=1, compute_environment_orders=[{'order': 1, 'a': 'x'}])",
            ("computeEnvironmentOrders[0].a", "unknown input", "computeEnvironmentOrders[0].computeEnvironment"),
        ),
    ],
    ids=["type", "inputs"],
)
def test_a_preview_reports_the_errors_that_the_provider_checks_for(program, everything, line, reasons):
    before = everything()
    done = program(line).start("preview").finish()

    assert [reason for reason in reasons if reason not in done.failed] == []
    assert everything() == before


def test_an_up_reports_each_refusal_of_aws_in_one_line(program):
    stack = program("""
        trust = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]}
        rights = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}
        role = aws.iam.Role("reader", assume_role_policy=json.dumps(trust))
        may = aws.iam.RolePolicy("reader", role=role.name, policy=json.dumps(rights))
        queue = aws.sqs.Queue("short", visibility_timeout_seconds=5)
        function = aws.lambda_.Function("long", role=role.arn, timeout=30, runtime="python3.13", handler="a.b",
            code=pulumi.AssetArchive({"a.py": pulumi.StringAsset("pass")}), opts=pulumi.ResourceOptions(depends_on=may))
        aws.lambda_.EventSourceMapping("short", event_source_arn=queue.arn, function_name=function.arn)
        rule = aws.cloudwatch.EventRule("silent", event_pattern=json.dumps({"source": ["aws.batch"]}))
        aws.cloudwatch.EventTarget("silent", rule=rule.name, arn=queue.arn)
    """)
    done = stack.start("up", "--continue-on-error").finish()
    errors = [text.strip() for severity, text in done.diagnostics if severity == "error"]

    for refused in (
        "Queue visibility timeout: 5 seconds is less than Function timeout: 30 seconds",
        "send to it: its events would be lost",
    ):
        assert [refused in error and "\n" not in error for error in errors].count(True) == 1, errors
    stack.run("destroy")


def test_a_refusal_that_repeats_a_secret_does_not_show_it(program):
    stack = program("""
        topic = aws.sns.Topic("there")
        aws.cloudwatch.EventTarget("nowhere", rule=pulumi.Output.secret("hunter2"), arn=topic.arn)
    """)
    done = stack.start("up").finish()

    assert "ResourceNotFoundException: Rule [secret] does not exist" in done.failed
    assert "hunter2" not in done.printed.replace("Output.secret", "")
    stack.run("destroy")
