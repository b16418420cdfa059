"""A Python that has imported what programs of this project take from site-packages, and forks itself for each program.

Of the 2 s of processor time that a deployment of the stack takes, 1.3 s are such imports (measured). It imports nothing
of this project, of MiniStack, which reads variables as it is imported, or of a Pulumi program. No thread runs and gRPC
is not in use before the fork.

Its argument is the descriptor of a socket. Each message there is an order in JSON, with the descriptors of the new
process; the answer is the process's id. The new process has no parent here: the nearest ancestor that adopts orphans
(`adopt_orphans`) becomes its parent, and may wait for it. The server ends when the other end of the socket closes.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import boto3

sys.path.insert(0, str(Path(__file__).parent))
from aws_models import remember_models  # type: ignore[import-not-found]
from taking_over import run, take  # type: ignore[import-not-found]

del sys.path[0], sys.modules["aws_models"], sys.modules["taking_over"]

# The AWS services of this project's program: pulumi_aws loads one when something of it is first used.
SERVICES = {
    "batch": "JobQueue",
    "cloudwatch": "EventRule",
    "dynamodb": "Table",
    "ec2": "SecurityGroup",
    "iam": "Role",
    "lambda_": "Function",
    "sns": "Topic",
    "sqs": "Queue",
    "ssm": "Parameter",
}
PRELOADED = (
    "defusedxml.ElementTree",
    "docker",
    "email.generator",
    "email.mime.multipart",
    "google.protobuf.json_format",
    "hypercorn.asyncio",
    "packaging.requirements",
    "pulumi.automation._server",
    "pulumi_aws",
    "pydantic.dataclasses",
    "pydantic.fields",
    "pydantic.main",
    "requests",
    "rich.console",
    "smtplib",
    "xml.sax.saxutils",
    "yaml",
    "zoneinfo",
)
CLIENTS = ("batch", "cloudwatch", "dynamodb", "ec2", "events", "iam", "lambda", "logs", "sns", "sqs", "ssm", "sts")
ORDER_LIMIT = 1_000_000  # bytes
DESCRIPTOR_LIMIT = 16
ADOPTION_CHECK = 0.0005  # s


def main() -> None:
    for module in PRELOADED:
        importlib.import_module(module)
    for service, resource in SERVICES.items():
        getattr(importlib.import_module(f"pulumi_aws.{service}"), resource)
    _make_clients()
    gc.collect()
    gc.freeze()  # else each process copies the memory of all that was imported, when it collects garbage
    orders = socket.socket(fileno=int(sys.argv[1]))
    while True:
        order, descriptors, _, _ = socket.recv_fds(orders, ORDER_LIMIT, DESCRIPTOR_LIMIT)
        if not order:
            return
        reading, writing = os.pipe()
        between = os.fork()
        if between == 0:
            parent = os.getpid()
            child = os.fork()
            if child == 0:
                while os.getppid() == parent:  # a program may watch its parent from its first moment
                    time.sleep(ADOPTION_CHECK)
                _become(json.loads(order), descriptors)
            os.write(writing, str(child).encode())
            os._exit(0)
        os.waitpid(between, 0)
        orders.send(os.read(reading, 32))
        for descriptor in (reading, writing, *descriptors):
            os.close(descriptor)


def _make_clients() -> None:
    remember_models()
    session = boto3.session.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name="us-east-1")
    for service in CLIENTS:
        session.client(service)


def _become(order: dict[str, Any], descriptors: list[int]) -> None:
    """Run the order's program as a new Python would, and end with its exit code."""
    if order["new_session"]:
        os.setsid()
    take(descriptors, order["numbers"])
    # The server's own streams know what kinds of files its descriptors were.
    sys.stdin, sys.stdout = os.fdopen(0, encoding="utf-8"), os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", buffering=1, errors="backslashreplace")
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    tempfile.tempdir = None  # of the server's own variables
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = order["arguments"]
    further = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [*order["path"], *(path for path in further if path), *sys.path]
    os._exit(run(order["module"], order["file"]))


if __name__ == "__main__":
    main()
