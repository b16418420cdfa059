"""`redrive` in a Region where SQS has no message move tasks."""

from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from batchbell.cli.deployed.move_task import list_tasks
from batchbell.cli.deployed.stack import DeployedQueue, DeployedStack
from batchbell.cli.errors import CommandFailed


def deployed(code: str) -> DeployedStack:
    """A stack in China whose SQS answers a request for the tasks with this error."""
    session = boto3.Session(region_name="cn-north-1", aws_access_key_id="x", aws_secret_access_key="x")
    queue = DeployedQueue("https://sqs/dead-letters", "arn:aws-cn:sqs:cn-north-1:123456789012:dead-letters", None)
    stack = DeployedStack(session, "dispatcher", queue, queue, queue, "ledger", "https://package")
    stubber = Stubber(stack.sqs)
    stubber.add_client_error("list_message_move_tasks", code)
    stubber.activate()
    return stack


@pytest.mark.parametrize("code", ["InvalidAction", "AWS.SimpleQueueService.UnsupportedOperation"])
def test_it_says_what_can_be_done_instead(code):
    with pytest.raises(CommandFailed, match=r"SQS does not move dead letters in cn-north-1: .+ docs/operations\.md"):
        list_tasks(deployed(code))


def test_another_error_is_not_mistaken_for_it():
    with pytest.raises(ClientError, match="AccessDenied"):
        list_tasks(deployed("AccessDeniedException"))
