"""Stands in for Pulumi's language hosts for Python and Node: in this process, where the engine attaches to it.

It runs a plug-in in Python, forked from a process that has imported much already (how one starts by itself, shows
test_plugin_process.py), and a program for Node with the SDK's own `run` and the arguments that Pulumi's host gives it
(pulumi, sdk/nodejs/cmd/pulumi-language-nodejs/main.go).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, language_pb2, language_pb2_grpc

from tests.engine.language_host import ERROR_WAS_SHOWN, NO_LIMIT, PluginAnswers
from tests.warm_python import warm_subprocess

CALLS_AT_ONCE = 8  # a plug-in takes one as long as it runs


class AttachedHost(PluginAnswers):
    """Runs what the engine asks for.

    environment: the engine's, as it is when a program starts
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        """Run a plug-in's folder as `python FOLDER ARGUMENTS` does, until the engine no longer reads what it prints."""
        folder = Path(request.info.program_directory).resolve()
        variables = dict(variable.split("=", 1) for variable in request.env)
        plugin = warm_subprocess.Popen(
            [sys.executable, "-P", "-m", folder.name, *request.args],
            cwd=request.pwd,
            env=variables | {"PYTHONPATH": str(folder.parent)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        context.add_callback(plugin.kill)
        with plugin:
            for line in plugin.stdout:
                yield language_pb2.RunPluginResponse(stdout=line)
        yield language_pb2.RunPluginResponse(exitcode=plugin.returncode)

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Run a program with Node; what it prints is a diagnostic, as with Pulumi's host."""
        flags = {
            "monitor": request.monitor_address,
            "engine": self._engine_address,
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
        program = subprocess.Popen(
            [*command, *(["--dry-run"] if request.dryRun else []), request.info.entry_point],
            cwd=request.info.program_directory,
            env={**self._environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        context.add_callback(program.kill)  # the engine may end while the program waits for it
        with program:
            printed, _ = program.communicate()
        if printed and context.is_active():
            self._log(printed)
        code = program.returncode
        error = f"Program exited with non-zero exit code: {code}" if code not in (0, ERROR_WAS_SHOWN) else ""
        return language_pb2.RunResponse(error=error, bail=code == ERROR_WAS_SHOWN)

    def _log(self, text: str) -> None:
        with grpc.insecure_channel(self._engine_address) as channel:
            engine_pb2_grpc.EngineStub(channel).Log(engine_pb2.LogRequest(severity=engine_pb2.INFO, message=text))


@contextmanager
def attached(environment: dict[str, str]) -> Iterator[None]:
    """Let engines with these variables use such a host, within the block."""
    server = grpc.server(ThreadPoolExecutor(CALLS_AT_ONCE), options=NO_LIMIT)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(AttachedHost(environment), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    environment["PULUMI_DEBUG_LANGUAGES"] = f"python:{port},nodejs:{port}"
    try:
        yield
    finally:
        server.stop(None).wait()
