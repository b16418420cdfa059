"""A stack that looks at the arrays that run: three job queues whose children a test moves, on a clock that it moves."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from batchbell.wire import Status
from batchbell_local.cloud import LocalCloud
from batchbell_local.collecting_queue import CollectingQueue
from batchbell_local.deployment import Deployment, this_machine
from batchbell_local.slack.channel_history import SlackMessage
from batchbell_local.slack.web_api import SlackWebApi
from demo.print_color import SENDER
from tests.end_to_end.stack import deploy, shorten_batching
from tests.waiting import FACTOR, wait_until_none

NAME = "watched"
TIMEOUT = 30 * FACTOR  # s, of the function, as a stack ships: a sweep of hundreds of arrays has its whole time
MINUTE = 60
EVERY = 5  # minutes between two sweeps
OVERDUE = 60  # minutes
STALLED = 30  # minutes
QUEUES = 3
WARNINGS = (Status.EARLY, Status.OVERDUE, Status.STALLED)


def configuration(queues: Sequence[str], slack: SlackWebApi) -> Mapping[str, Any]:
    """The stack's settings. The mailbox gets early warnings about the jobs of a crowd, and nothing else."""
    jobs = ["watched-*"]
    return {
        **this_machine(),
        "function_timeout": TIMEOUT,
        "job_queue_arns": list(queues),
        "queue_blocked": False,
        "watch_every": EVERY,
        "early_failures": {"percent": 20, "at_least": 5},
        "overdue_after": [{"jobs": "*-slow-*", "minutes": OVERDUE}],
        "stalled_after": STALLED,
        "notifiers": [
            {
                "type": "slack",
                "name": "slack",
                "jobs": jobs,
                "token": {"config": "slackToken"},
                "channel": slack.channel,
                "api": slack.url,
            },
            {"type": "sns", "name": "sns", "jobs": jobs},
            {
                "type": "email",
                "name": "crowd",
                "jobs": ["crowd-*"],
                "statuses": ["EARLY"],
                "digest_after": 0,
                "sender": SENDER,
                "recipients": ["team@example.com"],
            },
        ],
    }


@dataclass(frozen=True)
class WatchedStack:
    """`schedule` and `outcomes` are the names of the stack's rules."""

    cloud: LocalCloud
    deployment: Deployment
    slack: SlackWebApi
    topic: CollectingQueue
    queues: Sequence[str]
    definition: str
    schedule: str
    outcomes: str

    def start(self, name: str, size: int, queue: int = 0) -> str:
        """Submit an array whose children wait until they are moved; return its id."""
        job = self.cloud.client("batch").submit_job(
            jobName=name, jobQueue=self.queues[queue], jobDefinition=self.definition, arrayProperties={"size": size}
        )
        return str(job["jobId"])

    def sweep(self) -> None:
        """Look at what runs now."""
        self.cloud.rules.fire(self.schedule)
        self.wait_until_idle()

    def pass_minutes(self, minutes: int) -> None:
        """Let minutes pass, with the sweeps that are due."""
        for step in range(0, minutes, EVERY):
            self.cloud.move_time(min(EVERY, minutes - step) * MINUTE)
            self.wait_until_idle()

    def wait_until_idle_without_waiting(self) -> None:
        """Let the time pass that tickets wait for."""
        wait_until_none(lambda: self.cloud.message_count(self._url("intake")), "empty: intake", timeout=60)
        self.cloud.move_time(MINUTE)
        self.cloud.make_due(self._url("retry"))
        self.wait_until_idle()

    def wait_until_idle(self) -> None:
        for queue in ("intake", "retry"):
            wait_until_none(partial(self.cloud.message_count, self._url(queue)), f"empty: {queue}", timeout=60)

    def take_records_one_by_one(self) -> None:
        """Let each invocation have one record, so that two sweeps are two invocations."""
        functions, name = self.cloud.client("lambda"), self.deployment.outputs["function_name"]
        for mapping in functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]:
            if mapping["EventSourceArn"].endswith(self._url("intake").rpartition("/")[2]):
                functions.update_event_source_mapping(UUID=mapping["UUID"], BatchSize=1)

    def told(self, name: str) -> list[dict[str, Any]]:
        """What a program that subscribes to the topic was told of the job."""
        messages = (json.loads(json.loads(body)["Message"]) for body in self.topic.bodies())
        return [message for message in messages if message["job_name"] == name]

    def statuses(self, name: str) -> Counter[str]:
        return Counter(message["status"] for message in self.told(name))

    def board(self, name: str) -> SlackMessage:
        """The one message in the channel itself that is about the job."""
        (board,) = [one for one in self.slack.messages if not one.thread_ts and name in one.shown.text]
        return board

    def _url(self, queue: str) -> str:
        return str(self.deployment.outputs[f"{queue}_queue_url"])

    def sweeps(self) -> list[dict[str, Any]]:
        """The log's lines of sweeps, by time."""
        events = self.cloud.function_log(self.deployment.outputs["function_name"], '"sweep"')
        lines = [json.loads(event["message"]) for event in events if event["message"].startswith("{")]
        # Lambda writes the lines of an invocation at its end.
        return sorted((one for one in lines if one.get("message") == "sweep"), key=lambda one: str(one["timestamp"]))


@contextmanager
def deployed(project: Path) -> Iterator[WatchedStack]:
    """Deploy the stack to a local AWS of its own."""
    with ExitStack() as stack:
        cloud = stack.enter_context(LocalCloud.start())
        slack = stack.enter_context(SlackWebApi.start())
        cloud.verify_sender(SENDER)
        queues = [_held_queue(cloud, f"queue-{number}") for number in range(QUEUES)]
        deployment = deploy(
            cloud.environment(), project, NAME, config=configuration(queues, slack), secrets={"slackToken": slack.token}
        )
        shorten_batching(cloud, deployment)
        rules = cloud.client("events").list_rules()["Rules"]
        yield WatchedStack(
            cloud,
            deployment,
            slack,
            CollectingQueue.of_topic(cloud, "subscriber", deployment.outputs["notifiers"]["sns"]["topic_arn"]),
            queues,
            _definition(cloud),
            next(rule["Name"] for rule in rules if rule.get("ScheduleExpression")),
            deployment.outputs["rule_arn"].rpartition("/")[2],
        )


def new_name(word: str) -> str:
    return f"watched-{word}-{uuid.uuid4().hex[:8]}"


def _held_queue(cloud: LocalCloud, name: str) -> str:
    batch = cloud.client("batch")
    place = {"type": "FARGATE", "maxvCpus": 4, "subnets": ["subnet-12345678"], "securityGroupIds": ["sg-12345678"]}
    environment = f"environment-of-{name}"
    batch.create_compute_environment(computeEnvironmentName=environment, type="MANAGED", computeResources=place)
    order = [{"order": 1, "computeEnvironment": environment}]
    made = batch.create_job_queue(jobQueueName=name, priority=1, computeEnvironmentOrder=order)
    cloud.jobs.hold(made["jobQueueArn"])
    return str(made["jobQueueArn"])


def _definition(cloud: LocalCloud) -> str:
    made = cloud.client("batch").register_job_definition(
        jobDefinitionName="render",
        type="container",
        platformCapabilities=["FARGATE"],
        containerProperties={
            "image": "busybox",
            "command": ["true"],
            "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
            "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}],
        },
    )
    return str(made["jobDefinitionArn"])
