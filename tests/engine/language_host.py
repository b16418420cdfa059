"""Stands in for Pulumi's language hosts for Python and Node, which no package index has, under the bare CLI.

The engine starts it as `pulumi-language-python` or `pulumi-language-nodejs`, with its own address as the last argument,
and reads its port from the first line of its output. The Automation API's server does the rest; this adds what only a
plug-in is asked for, and what Pulumi's host answers for a program that has ended itself (pulumi,
sdk/python/cmd/pulumi-language-python/main.go). A program for Node is run by the SDK's own `run`, with the arguments
that Pulumi's host gives it (sdk/nodejs/cmd/pulumi-language-nodejs/main.go).
"""

from __future__ import annotations

import json
import os
import runpy
import shlex
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi import log
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

PYTHON, NODE = "python", "nodejs"
CALLS_AT_ONCE = 4
ERROR_WAS_SHOWN = 32  # main.go, pythonProcessExitedAfterShowingUserActionableMessage
NO_LIMIT = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))

# Some 200 calls for each program, a fifth of its time, with messages that the engine drops.
vars(log)["debug"] = lambda *_, **__: None


class Exited(grpc.RpcError):  # type: ignore[misc]
    """The program has called sys.exit. The Automation API's server is silent about an error with this code."""

    def code(self) -> Any:
        return grpc.StatusCode.UNAVAILABLE


class LanguageHost(LanguageServer):
    """Runs the program in the working directory: in Python.

    The engine interrupts it to end it; so does Ctrl-C, which does not.

    engine_address: where errors are logged; an engine that has not started this process says it in the handshake
    """

    def __init__(self, engine_address: str = "") -> None:
        super().__init__(self._run_program)
        self._is_running = False
        self._exit_code = 0
        self._engine_address = engine_address
        signal.signal(signal.SIGINT, lambda *_: None if self._is_running else os._exit(0))

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._is_running = True
        if self._engine_address:
            request.args[:] = [self._engine_address]  # where the Automation API's server looks for it
        try:
            answer = super().Run(request, context)
        finally:
            self._is_running = False
        if self._exit_code == ERROR_WAS_SHOWN:
            answer.bail = True
        elif self._exit_code:
            answer.error = f"program exited with non-zero exit code: {self._exit_code}"
        return answer

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._engine_address = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version="3.0.0")

    def InstallDependencies(self, request: Any, context: Any) -> Any:  # noqa: N802
        return iter(())

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        """Run a plug-in's folder as `python FOLDER ARGUMENTS` until the engine no longer reads what it prints."""
        plugin = subprocess.Popen(
            [sys.executable, request.info.program_directory, *request.args],
            cwd=request.pwd,
            env=dict(variable.split("=", 1) for variable in request.env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        context.add_callback(plugin.kill)
        with plugin:
            assert plugin.stdout
            for line in plugin.stdout:
                yield language_pb2.RunPluginResponse(stdout=line)
        yield language_pb2.RunPluginResponse(exitcode=plugin.returncode)

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    def _run_program(self) -> None:
        sys.path.insert(0, os.getcwd())
        try:
            runpy.run_path("__main__.py", run_name="__main__")
        except SystemExit as ended:
            if ended.code is None or isinstance(ended.code, int):
                self._exit_code = ended.code or 0
            else:
                print(ended.code, file=sys.stderr, flush=True)
                self._exit_code = 1
            raise Exited from None


class NodeHost(LanguageHost):
    """Runs the program in the working directory with Node."""

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        flags = {
            "monitor": request.monitor_address,
            "engine": sys.argv[-1],
            "organization": request.organization,
            "project": request.project,
            "stack": request.stack,
            "pwd": request.pwd,
            "root-directory": request.info.root_directory,
            "parallel": str(request.parallel),
        }
        command = [
            "node",
            "node_modules/@pulumi/pulumi/cmd/run",
            *(f"--{name}={value}" for name, value in flags.items()),
        ]
        variables = {
            "PULUMI_NODEJS_TYPESCRIPT": "true",
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        ended = subprocess.run(
            [*command, *(["--dry-run"] if request.dryRun else []), request.info.entry_point],
            cwd=request.info.program_directory,
            env=os.environ | variables,
            check=False,
        ).returncode
        error = f"Program exited with non-zero exit code: {ended}" if ended not in (0, ERROR_WAS_SHOWN) else ""
        return language_pb2.RunResponse(error=error, bail=ended == ERROR_WAS_SHOWN)


def write_executable(folder: Path, language: str = PYTHON, python: Sequence[str] = (sys.executable,)) -> None:
    """Put the language host into a folder of PATH; `python` is the command that runs it."""
    file = folder / f"pulumi-language-{language}"
    file.write_text(f'#!/bin/sh\nexec {shlex.join(python)} -P {Path(__file__).resolve()} {language} "$@"\n')
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


def main() -> None:
    server = grpc.server(ThreadPoolExecutor(CALLS_AT_ONCE), options=NO_LIMIT)
    host = (NodeHost if sys.argv[1] == NODE else LanguageHost)(sys.argv[-1])
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    engine = os.getppid()
    while os.getppid() == engine:  # the engine cannot end it after being killed
        time.sleep(0.2)


if __name__ == "__main__":
    main()
