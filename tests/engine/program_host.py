"""Runs Pulumi programs for the engine, in place of Pulumi's language host for Python.

An operation must load its program's modules anew, so each has a process of its own. It is forked from this one, which
has already imported what every program imports from site-packages (0.9 s), but nothing of a program. No thread runs
and gRPC is not in use before the fork.

Standard input has one line of JSON for each process: {"program": folder, "environment": variables, "output": path of
the file for what the program prints}. Standard output has the answer: {"process": id, "address": for
`pulumi --client`}. All processes end with the standard input.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from pulumi.runtime.proto import language_pb2_grpc

# Not imported: with this folder on its path, a program would find modules that it does not have.
LANGUAGE_HOST = runpy.run_path(str(Path(__file__).with_name("language_host.py")))

children: set[int] = set()


def main() -> None:
    signal.signal(signal.SIGCHLD, lambda *_: reap())
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            host(json.loads(line))
        children.add(child)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG)[0]) != 0:
            children.discard(ended)


def host(order: dict[str, Any]) -> None:
    """Serve the program of this order until somebody kills this process."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    answer = os.fdopen(os.dup(1), "w")
    with open(os.devnull) as nothing, open(order["output"], "ab") as output:
        os.dup2(nothing.fileno(), 0)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["program"])
    further = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [order["program"], *(path for path in further if path)]
    calls = ThreadPoolExecutor(LANGUAGE_HOST["CALLS_AT_ONCE"])
    server = grpc.server(calls, options=LANGUAGE_HOST["NO_LIMIT"])
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LANGUAGE_HOST["LanguageHost"](), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with answer:
        answer.write(json.dumps({"process": os.getpid(), "address": f"127.0.0.1:{port}"}) + "\n")
    server.wait_for_termination()


if __name__ == "__main__":
    main()
