"""Finds a deployed stack by its function's name or its Pulumi outputs."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import re
import shutil
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Annotated, Any

import boto3
import typer
from botocore.config import Config
from botocore.exceptions import ClientError

from batchbell.cli.errors import CommandFailed
from batchbell.cli.program_folder import program_folder
from batchbell.dispatcher.manifest import Instance, Unusable, instance_of
from batchbell.texts import one_line
from batchbell.wire import MANIFEST, Manifest, Variable

DOWNLOAD_TIMEOUT = 30  # s
CLIENT_CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3, "mode": "standard"})

# Options of all commands for a deployed stack.
FunctionOption = Annotated[
    str,
    typer.Option("--function", help="The function's name (the stack's output function_name).", metavar="NAME"),
]
StackOption = Annotated[
    str,
    typer.Option("--stack", help="A Pulumi stack of the program in the current folder.", envvar="PULUMI_STACK"),
]
QueueOption = Annotated[
    str,
    typer.Option("--queue", help="The intake queue's URL, if the function reads from several queues.", metavar="URL"),
]
RegionOption = Annotated[str, typer.Option("--region", help="Overrides the region of the AWS configuration.")]
ProfileOption = Annotated[str, typer.Option("--profile", help="The profile of the AWS configuration to use.")]


@dataclass(frozen=True)
class DeployedQueue:
    """A queue of the stack."""

    url: str
    arn: str
    mapping: (
        str | None
    )  # state of the function's event source mapping, such as "Enabled", or "missing"; None: needs none


@dataclass(frozen=True)
class QueueDepth:
    """SQS's approximate counts, which may lag by a minute (SQS API reference, GetQueueAttributes)."""

    waiting: int
    in_flight: int
    delayed: int

    @property
    def total(self) -> int:
        return self.waiting + self.in_flight + self.delayed


@dataclass(frozen=True)
class DeployedStack:
    """A stack's resources in AWS."""

    session: boto3.Session
    function: str
    intake: DeployedQueue
    retry: DeployedQueue
    dead_letters: DeployedQueue
    ledger: str
    package: str = field(repr=False)  # presigned URL of the function's package, valid for 10 minutes

    @property
    def region(self) -> str:
        return str(self.session.region_name)

    @functools.cached_property
    def sqs(self) -> Any:
        return _client(self.session, "sqs")

    @functools.cached_property
    def dynamodb(self) -> Any:
        return _client(self.session, "dynamodb")

    def event_patterns(self) -> Sequence[Mapping[str, Any]]:
        """Return the event patterns of the rules that send to the intake queue, enabled or not.

        Raises CommandFailed and botocore's errors.
        """
        events = _client(self.session, "events")
        pages = events.get_paginator("list_rule_names_by_target").paginate(TargetArn=self.intake.arn)
        rules = [events.describe_rule(Name=name) for page in pages for name in page.get("RuleNames", [])]
        patterns = [json.loads(rule["EventPattern"]) for rule in rules if "EventPattern" in rule]  # a schedule has none
        if not patterns:
            raise CommandFailed(
                "no rule sends events to the stack's intake queue: `pulumi up --refresh` repairs the stack"
            )
        return patterns

    def count(self, queue: DeployedQueue) -> QueueDepth:
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        counts = self.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)["Attributes"]
        return QueueDepth(*(int(counts[name]) for name in names))

    @functools.cached_property
    def manifest(self) -> Manifest:
        """The stack's choices, from the deployed package. Raises CommandFailed."""
        try:
            with urllib.request.urlopen(self.package, timeout=DOWNLOAD_TIMEOUT) as response:
                package = zipfile.ZipFile(io.BytesIO(response.read()))
            manifest: Manifest = json.loads(package.read(MANIFEST))
        except (OSError, HTTPException, zipfile.BadZipFile, KeyError, ValueError) as error:
            raise _unreadable(error) from None
        return manifest

    def notifiers(self) -> tuple[Instance, ...]:
        """Return the notifiers with their filters from the deployed package. They cannot send from here.

        Raises CommandFailed.
        """
        try:
            entries = self.manifest["instances"]
            return tuple(instance_of(entry, Unusable("it can send only from the function")) for entry in entries)
        except KeyError as error:
            raise _unreadable(error) from None


def find_stack(function: str, stack: str, region: str, profile: str, queue: str = "") -> DeployedStack:
    """Find a deployed stack; empty strings count as not given.

    function: the function's name.
    stack: the name of its Pulumi stack, if no function is given.
    region, profile: override the AWS configuration.
    queue: the URL of the intake queue, if the function reads from several.

    Raises CommandFailed and botocore's errors.
    """
    if not function and not stack:
        raise CommandFailed("name the stack: its function with --function, or its Pulumi stack with --stack")
    if not function:
        outputs = _outputs(stack)
        function = str(outputs.get("function_name", ""))
        if not function:
            raise CommandFailed(f"the stack {stack} has no output function_name: export it, or use --function")
        region = region or _region_of(str(outputs.get("rule_arn", "")))
    # The AWS CLI reads AWS_REGION, the SDK for Python only AWS_DEFAULT_REGION (AWS SDKs and Tools Reference Guide, "AWS
    # Region").
    session = boto3.Session(profile_name=profile or None, region_name=region or os.environ.get("AWS_REGION"))
    client = _client(session, "lambda")
    try:
        response = client.get_function(FunctionName=function)
    except client.exceptions.ResourceNotFoundException:
        raise CommandFailed(
            f"there is no function {function} in {session.region_name} for these credentials: "
            "see --region and --profile; `pulumi stack output function_name` prints its name"
        ) from None
    return _describe(session, function, response, queue)


def _describe(session: boto3.Session, function: str, response: Mapping[str, Any], queue: str) -> DeployedStack:
    variables = response["Configuration"].get("Environment", {}).get("Variables", {})
    try:
        retry_url = variables[Variable.RETRY_QUEUE_URL]
        dead_letter_url = variables[Variable.DEAD_LETTER_QUEUE_URL]
        ledger = variables[Variable.LEDGER_TABLE]
    except KeyError as missing:
        raise CommandFailed(
            f"{function} is not a batchbell function: its environment has no {missing.args[0]}"
        ) from None
    sqs = _client(session, "sqs")
    retry_arn, dead_letter_arn = (_arn(sqs, url) for url in (retry_url, dead_letter_url))
    mappings = _mappings(session, function)
    retry = DeployedQueue(retry_url, retry_arn, mappings.pop(retry_arn, "missing"))
    if queue:
        arn = _arn(sqs, queue)
        mappings = {arn: mappings.get(arn, "missing")}
    if len(mappings) != 1:
        raise CommandFailed(
            f"{function} must read from one queue besides its retry queue, and reads from {len(mappings)}: "
            "`pulumi up` repairs the stack, and --queue names the intake queue"
        )
    ((intake_arn, state),) = mappings.items()
    intake = DeployedQueue(_url(sqs, intake_arn), intake_arn, state)
    return DeployedStack(
        session,
        response["Configuration"]["FunctionName"],
        intake,
        retry,
        DeployedQueue(dead_letter_url, dead_letter_arn, None),
        ledger,
        response["Code"]["Location"],
    )


def _unreadable(error: Exception) -> CommandFailed:
    # Its text may hold the presigned URL.
    return CommandFailed(f"the function's package could not be read ({type(error).__name__})")


@functools.lru_cache(maxsize=8)  # making one takes 0.02 s, and a command needs some of them twice
def _client(session: boto3.Session, name: str) -> Any:
    return session.client(name, config=CLIENT_CONFIG)


def _arn(sqs: Any, url: str) -> str:
    with _missing(url.rpartition("/")[2]):
        return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])


def _url(sqs: Any, arn: str) -> str:
    _, _, _, _, account, name = arn.split(":")
    with _missing(name):
        return str(sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"])


@contextlib.contextmanager
def _missing(queue: str) -> Iterator[None]:
    try:
        yield
    except ClientError as refused:
        # The code of the SDKs, and that of SQS itself.
        if not refused.response["Error"]["Code"].endswith(("QueueDoesNotExist", "NonExistentQueue")):
            raise
        raise CommandFailed(f"the stack's queue {queue} does not exist: `pulumi up --refresh` creates it") from None


def _mappings(session: boto3.Session, function: str) -> dict[str, str]:
    """Return the states of the function's event source mappings by their queues' ARNs."""
    pages = _client(session, "lambda").get_paginator("list_event_source_mappings").paginate(FunctionName=function)
    return {one["EventSourceArn"]: one["State"] for page in pages for one in page["EventSourceMappings"]}


def _outputs(stack: str) -> Mapping[str, Any]:
    """Return a Pulumi stack's outputs with masked secrets.

    Neither selects the stack nor needs its passphrase, unlike `automation.select_stack(…).outputs()`.
    """
    if shutil.which("pulumi") is None:
        raise CommandFailed("--stack needs the Pulumi CLI, which is not on PATH: install it, or use --function")
    from pulumi import automation

    arguments = ["stack", "output", "--json", "--stack", stack]
    try:
        printed = automation.PulumiCommand().run(arguments, str(program_folder()), {}).stdout
    except automation.errors.InvalidVersionError as old:
        raise CommandFailed(f"{one_line(str(old))}; or use --function") from None
    except automation.errors.CommandError as failed:
        reason = re.search(r"error: (.+)", str(failed))
        text = one_line(reason[1]) if reason else "it gave no reason"
        raise CommandFailed(f"pulumi cannot read the outputs of the stack {stack}: {text}; or use --function") from None
    outputs: Mapping[str, Any] = json.loads(printed)
    return outputs


def _region_of(arn: str) -> str:
    parts = arn.split(":")
    return parts[3] if len(parts) > 5 else ""
