"""Stands in for Pulumi's language host for Python, which no package index has, under the bare CLI.

The engine starts it as `pulumi-language-python`, with its own address as the last argument, and reads its port from the
first line of its output. The Automation API's server does the rest; this adds what only a plug-in is asked for, and
what Pulumi's host answers for a program that has ended itself (pulumi, sdk/python/cmd/pulumi-language-python/main.go).
"""

from __future__ import annotations

import os
import runpy
import shlex
import signal
import stat
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi import log
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

CALLS_AT_ONCE = 4
ERROR_WAS_SHOWN = 32  # main.go, pythonProcessExitedAfterShowingUserActionableMessage
NO_LIMIT = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))

# Some 200 calls for each program, a fifth of its time, with messages that the engine drops.
vars(log)["debug"] = lambda *_, **__: None


class Exited(grpc.RpcError):  # type: ignore[misc]
    """The program has called sys.exit. The Automation API's server is silent about an error with this code."""

    def code(self) -> Any:
        return grpc.StatusCode.UNAVAILABLE


class PluginAnswers(LanguageServer):
    """What a plug-in is asked for, and the Automation API's server is not; for any language."""

    _engine_address = ""

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._engine_address = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version="3.0.0")

    def InstallDependencies(self, request: Any, context: Any) -> Any:  # noqa: N802
        return iter(())

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()


class LanguageHost(PluginAnswers):
    """Runs the program in the working directory.

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


def write_executable(folder: Path, python: Sequence[str] = (sys.executable,)) -> None:
    """Put the language host into a folder of PATH; `python` is the command that runs it."""
    file = folder / "pulumi-language-python"
    file.write_text(f'#!/bin/sh\nexec {shlex.join(python)} -P {Path(__file__).resolve()} "$@"\n')
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


def main() -> None:
    server = grpc.server(ThreadPoolExecutor(CALLS_AT_ONCE), options=NO_LIMIT)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(sys.argv[-1]), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    engine = os.getppid()
    while os.getppid() == engine:  # the engine cannot end it after being killed
        time.sleep(0.2)


if __name__ == "__main__":
    main()
