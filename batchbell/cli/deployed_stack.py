"""A deployed stack, found by its function's name or by its Pulumi outputs."""

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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Annotated, Any

import boto3
import typer
from botocore.config import Config
from botocore.exceptions import ClientError

from batchbell.cli.errors import CommandFailed
from batchbell.cli.stack_settings import program_folder
from batchbell.dispatcher.manifest import Instance, Unusable, instance_of
from batchbell.texts import one_line

DOWNLOAD_TIMEOUT = 30  # s
CLIENT_CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3, "mode": "standard"})

# The options of every command that is about a deployed stack.
FunctionOption = Annotated[
    str, typer.Option("--function", help="Its function's name (the stack's output function_name).", metavar="NAME")
]
StackOption = Annotated[
    str,
    typer.Option("--stack", help="A Pulumi stack of the program in this folder.", envvar="PULUMI_STACK"),
]
QueueOption = Annotated[
    str,
    typer.Option("--queue", help="Its intake queue's URL, where the function takes from several.", metavar="URL"),
]
RegionOption = Annotated[str, typer.Option("--region", help="In place of the AWS configuration's region.")]
ProfileOption = Annotated[str, typer.Option("--profile", help="A profile of the AWS configuration.")]


@dataclass(frozen=True)
class DeployedQueue:
    """`mapping`: the state of the function's event source mapping for it, such as "Enabled"; None where none belongs
    to it, or "missing"."""

    url: str
    arn: str
    mapping: str | None


@dataclass(frozen=True)
class QueueDepth:
    """SQS's approximate counts: they may lag by a minute (SQS API reference, GetQueueAttributes)."""

    waiting: int
    in_flight: int
    delayed: int

    @property
    def total(self) -> int:
        return self.waiting + self.in_flight + self.delayed


@dataclass(frozen=True)
class DeployedStack:
    """What a stack has in AWS. `package`: where its function's package may be fetched for some minutes."""

    session: boto3.Session
    function: str
    intake: DeployedQueue
    retry: DeployedQueue
    dead_letters: DeployedQueue
    ledger: str
    package: str = field(repr=False)  # signed

    @property
    def region(self) -> str:
        return str(self.session.region_name)

    @functools.cached_property
    def sqs(self) -> Any:
        return _client(self.session, "sqs")

    @functools.cached_property
    def dynamodb(self) -> Any:
        return _client(self.session, "dynamodb")

    def count(self, queue: DeployedQueue) -> QueueDepth:
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        answer = self.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)["Attributes"]
        return QueueDepth(*(int(answer[name]) for name in names))

    def notifiers(self) -> tuple[Instance, ...]:
        """Its notifiers with their filters, as the deploy wrote them into the package; none can send from here. Raises
        CommandFailed."""
        try:
            with urllib.request.urlopen(self.package, timeout=DOWNLOAD_TIMEOUT) as answer:
                package = zipfile.ZipFile(io.BytesIO(answer.read()))
            entries = json.loads(package.read("manifest.json"))["instances"]
            return tuple(instance_of(entry, Unusable("it sends from the function alone")) for entry in entries)
        except (OSError, HTTPException, zipfile.BadZipFile, KeyError, ValueError) as error:
            # Its text may hold the address, which is signed.
            raise CommandFailed(f"the function's package could not be read ({type(error).__name__})") from None


def find_stack(function: str, stack: str, region: str, profile: str, queue: str = "") -> DeployedStack:
    """The stack that `function` belongs to, or whose Pulumi stack is `stack`; empty texts are not given. `queue`: the
    URL of its intake queue. Raises CommandFailed and botocore's errors."""
    if not function and not stack:
        raise CommandFailed("which stack? Name its function with --function, or a Pulumi stack with --stack")
    if not function:
        outputs = _outputs(stack)
        function = str(outputs.get("function_name", ""))
        if not function:
            raise CommandFailed(f"the stack {stack} has no output function_name: export it, or use --function")
        region = region or _region_of(str(outputs.get("rule_arn", "")))
    # The AWS CLI takes AWS_REGION, the SDK for Python AWS_DEFAULT_REGION alone (AWS SDKs and Tools Reference Guide,
    # "AWS Region").
    session = boto3.Session(profile_name=profile or None, region_name=region or os.environ.get("AWS_REGION"))
    client = _client(session, "lambda")
    try:
        answer = client.get_function(FunctionName=function)
    except client.exceptions.ResourceNotFoundException:
        raise CommandFailed(
            f"there is no function {function} in {session.region_name} for these credentials: "
            "see --region and --profile; `pulumi stack output function_name` tells its name"
        ) from None
    return _describe(session, function, answer, queue)


def _describe(session: boto3.Session, function: str, answer: Mapping[str, Any], queue: str) -> DeployedStack:
    variables = answer["Configuration"].get("Environment", {}).get("Variables", {})
    try:
        retry_url = variables["BATCHBELL_RETRY_QUEUE_URL"]
        dead_letter_url = variables["BATCHBELL_DEAD_LETTER_QUEUE_URL"]
        ledger = variables["BATCHBELL_LEDGER_TABLE"]
    except KeyError as missing:
        raise CommandFailed(
            f"{function} is no function of batchbell's: its environment has no {missing.args[0]}"
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
            f"{function} takes from {len(mappings)} queues besides its retry queue, and not from one: "
            "its stack is not whole; `pulumi up` mends it, and --queue names the one that events come to"
        )
    ((intake_arn, state),) = mappings.items()
    intake = DeployedQueue(_url(sqs, intake_arn), intake_arn, state)
    return DeployedStack(
        session,
        answer["Configuration"]["FunctionName"],
        intake,
        retry,
        DeployedQueue(dead_letter_url, dead_letter_arn, None),
        ledger,
        answer["Code"]["Location"],
    )


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
        # The SDKs' code for it and SQS's own.
        if not refused.response["Error"]["Code"].endswith(("QueueDoesNotExist", "NonExistentQueue")):
            raise
        raise CommandFailed(f"the stack's queue {queue} is gone: `pulumi up --refresh` makes it again") from None


def _mappings(session: boto3.Session, function: str) -> dict[str, str]:
    """The states of the function's event source mappings, by their queues' ARNs."""
    pages = _client(session, "lambda").get_paginator("list_event_source_mappings").paginate(FunctionName=function)
    return {one["EventSourceArn"]: one["State"] for page in pages for one in page["EventSourceMappings"]}


def _outputs(stack: str) -> Mapping[str, Any]:
    """A Pulumi stack's outputs, secrets masked. Neither selects the stack nor needs its passphrase, both of which
    `automation.select_stack(…).outputs()` would."""
    if shutil.which("pulumi") is None:
        raise CommandFailed("--stack takes the Pulumi CLI, which is not on PATH: install it, or use --function")
    from pulumi import automation

    arguments = ["stack", "output", "--json", "--stack", stack]
    try:
        printed = automation.PulumiCommand().run(arguments, str(program_folder()), {}).stdout
    except automation.errors.InvalidVersionError as old:
        raise CommandFailed(f"{one_line(str(old))}; or use --function") from None
    except automation.errors.CommandError as failed:
        reason = re.search(r"error: (.+)", str(failed))
        text = one_line(reason[1]) if reason else "it gave no reason"
        raise CommandFailed(
            f"pulumi does not give the outputs of the stack {stack}: {text}; or use --function"
        ) from None
    outputs: Mapping[str, Any] = json.loads(printed)
    return outputs


def _region_of(arn: str) -> str:
    parts = arn.split(":")
    return parts[3] if len(parts) > 5 else ""
