"""Runs functions isolated, as Lambda does.

MiniStack starts a function with its own interpreter, site-packages and environment, so a bundle that lacks a dependency
works there and fails on AWS. After `install()`, called in MiniStack's process, a function sees only its code, boto3
with its dependencies, the standard library, and the variables that Lambda documents.
"""

from __future__ import annotations

import array
import codecs
import fcntl
import importlib.util
import itertools
import os
import queue
import re
import select
import shlex
import subprocess
import sys
import termios
import threading
import time
import weakref
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from .clocks import clock

# The packages in Lambda's Python runtimes besides the standard library (AWS: "Runtime-included SDK versions").
RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
HOST_RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
PEAK_MEMORY = re.compile(r"^VmHWM:\s*(\d+) kB", re.MULTILINE)  # proc(5)
LOG_DEADLINE = 2.0  # seconds that a finished invocation may wait for its last log line

# The variables from MiniStack that a function may see; everything else that its process inherits is dropped.
FORWARDED_VARIABLES = (
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL",
    "AWS_DISABLE_HOST_PREFIX_INJECTION",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "LAMBDA_TASK_ROOT",
    "_LAMBDA_FUNCTION_ARN",
    "_LAMBDA_TIMEOUT",
    "_LAMBDA_LAYERS_DIRS",
)

# Runs in the function's process before MiniStack's worker script, and so before any of the function's code. It sets the
# home folder and the AWS files because the real ones are the user's; Lambda has none.
PREPARATION = """
def _prepare(forwarded, packages):
    import os, sys, time
    kept = {{name: os.environ[name] for name in forwarded if name in os.environ}}
    scratch = os.path.join(os.path.dirname(kept["LAMBDA_TASK_ROOT"]), "tmp")
    os.makedirs(scratch, exist_ok=True)
    os.environ.clear()
    os.environ.update(kept)
    os.environ.update(
        PATH="/usr/local/bin:/usr/bin:/bin", LANG="en_US.UTF-8", TZ=":UTC", PYTHONPATH=packages,
        LAMBDA_RUNTIME_DIR=packages, AWS_LAMBDA_INITIALIZATION_TYPE="on-demand", TMPDIR=scratch, HOME=scratch,
        AWS_CONFIG_FILE=os.path.join(scratch, "none"), AWS_SHARED_CREDENTIALS_FILE=os.path.join(scratch, "none"),
        AWS_EC2_METADATA_DISABLED="true",
    )
    time.tzset()
    sys.path.insert(0, packages)

_prepare({forwarded!r}, {packages!r})
del _prepare
"""


class RuntimeMismatch(RuntimeError):
    """The function's runtime is not the Python that runs functions here."""


# MiniStack uses the class's name as errorType, and this name is Lambda's.
ImportModuleError = type("Runtime.ImportModuleError", (RuntimeError,), {})


def install(folder: Path) -> None:
    """Make this process's MiniStack run functions isolated; creates `folder` for the files that this takes."""
    packages = folder / "runtime"
    link_packages(packages, RUNTIME_PACKAGES)
    launcher = _write_launcher(folder / "python")
    clock.keep_in(folder / "clock")
    # The time that an invocation has left is no matter of the wall clock.
    worker = lambda_runtime._PYTHON_WORKER_SCRIPT.replace("time.time()", "time.monotonic()")
    preparation = PREPARATION.format(forwarded=FORWARDED_VARIABLES, packages=str(packages))

    def program(runtime: str) -> tuple[str, str]:
        return str(launcher), preparation + clock.prepare() + worker

    # ExecutionEnvironment refuses any other runtime before MiniStack asks for the program to run.
    lambda_runtime._detect_runtime_binary = program
    lambda_runtime._signal = _kill
    lambda_runtime.Worker = ExecutionEnvironment
    execute = lambda_svc._execute_function_warm

    def execute_and_log_failure(func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        return _with_logged_failure(execute(func, event, request_id))

    lambda_svc._execute_function_warm = execute_and_log_failure
    lambda_svc.invalidate_worker = retire_environments


def kill_environment(name: str) -> None:
    """Send SIGKILL to one function's process."""
    _environments[name].kill_now()


def kill_running() -> int:
    """Send SIGKILL to every function's process that is running an invocation; return how many."""
    return sum(environment.in_use and environment.kill_now() for environment in list(_environments.values()))


def restart() -> None:
    """End every function's processes, the running ones after their invocations."""
    for name in {environment.func_name for environment in list(_environments.values())}:
        retire_environments(name, "$LATEST")


def count_descriptors() -> list[int]:
    """Return how many open files and sockets each running process has; empty where there is no /proc."""
    processes = [environment._proc for environment in list(_environments.values())]
    folders = [Path(f"/proc/{process.pid}/fd") for process in processes if process and process.poll() is None]
    return [len(list(folder.iterdir())) for folder in folders if folder.is_dir()]


def measure_memory() -> list[int]:
    """Return the most memory that each running process ever had, in KiB; empty where there is no /proc."""
    processes = [environment._proc for environment in list(_environments.values())]
    files = [Path(f"/proc/{process.pid}/status") for process in processes if process and process.poll() is None]
    found = [PEAK_MEMORY.search(file.read_text("ascii")) for file in files if file.exists()]
    return [int(peak[1]) for peak in found if peak]


def retire_environments(func_name: str, qualifier: str | None = None, **scope: str | None) -> None:
    """End a function's processes.

    After an update, which names a qualifier, running invocations end first, as on AWS; MiniStack would kill them.
    """
    if qualifier is not None:
        with lambda_runtime._lock:
            for pool in lambda_runtime._workers.values():
                for environment in [one for one in pool if one.func_name == func_name and one.is_busy]:
                    environment.is_retired = True
                    pool.remove(environment)
    lambda_runtime.invalidate_worker(func_name, qualifier, **scope)


def stop() -> None:
    """Kill every function's process."""
    lambda_runtime.reset()


_numbers = itertools.count(1)
_environments: weakref.WeakValueDictionary[str, ExecutionEnvironment] = weakref.WeakValueDictionary()


class ExecutionEnvironment(lambda_runtime.Worker):  # type: ignore[misc]
    """One function's process: refuses other runtimes, sets Lambda's own variables, loses no log line."""

    def __init__(self, func_name: str, config: dict[str, Any], code_zip: bytes) -> None:
        super().__init__(func_name, config, code_zip)
        self.config: dict[str, Any] = config
        self._stderr_pump: StderrPump | None = None
        self._stderr_opened = threading.Event()
        self._name = f"environment-{next(_numbers)}"
        self.is_busy = False  # runs an invocation
        self.is_retired = False  # ends after the running invocation
        _environments[self._name] = self

    def invoke(self, *args: Any, **options: Any) -> dict[str, Any]:
        self.is_busy = True
        try:
            answer: dict[str, Any] = super().invoke(*args, **options)
            return answer
        finally:
            self.is_busy = False
            if self.is_retired:
                self.kill()

    def kill_now(self) -> bool:
        """Send SIGKILL; return False if the process is not running."""
        process: subprocess.Popen[str] | None = self._proc
        if process is None or process.poll() is not None:
            return False
        process.kill()
        return True

    def _spawn(self) -> None:
        configured = self.config
        if configured.get("Runtime") != HOST_RUNTIME:
            raise RuntimeMismatch(
                f"{self.func_name} has the runtime {configured.get('Runtime')}, but functions run with {HOST_RUNTIME} "
                f"on this machine: deploy it with the runtime {HOST_RUNTIME}"
            )
        self._stderr_opened.clear()
        self.config = {**configured, "Environment": {"Variables": _function_variables(configured, self._name)}}
        try:
            super()._spawn()
        except RuntimeError as error:
            reason = str(error).removeprefix("Worker init failed: ")
            module = configured.get("Handler", "").rpartition(".")[0]
            raise ImportModuleError(f"Unable to import module '{module}': {reason}") from error
        finally:
            self.config = configured
        self._stderr_opened.wait(LOG_DEADLINE)

    def _read_stderr(self) -> None:
        stream = StderrPump(os.dup(self._proc.stderr.fileno()), self._stderr_queue)
        self._stderr_pump = stream
        self._stderr_opened.set()
        stream.pump()

    def _drain_stderr(self) -> str:
        """All lines that the function has written so far. MiniStack only waits for a while."""
        if self._stderr_pump is not None:
            self._stderr_pump.settle(time.monotonic() + LOG_DEADLINE)
        lines: str = super()._drain_stderr()
        return lines

    def _drain_stderr_bounded(self, *_: float, **__: float) -> str:
        return self._drain_stderr()


class StderrPump:
    """Reads the standard error of a function's process, line by line, into a queue."""

    def __init__(self, descriptor: int, lines: queue.Queue[str]) -> None:
        """Takes over the descriptor."""
        self._descriptor = descriptor
        self._lines = lines
        self._lock = threading.Lock()  # held while bytes move from the pipe into the queue
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._unfinished = ""
        self._ended = False

    def pump(self) -> None:
        """Read until the other end is closed."""
        readable = select.poll()
        readable.register(self._descriptor, select.POLLIN)
        while not self._ended:
            readable.poll()
            with self._lock:
                chunk = os.read(self._descriptor, 65536)
                *complete, self._unfinished = (self._unfinished + self._decoder.decode(chunk)).split("\n")
                for line in complete:
                    self._lines.put(line)
                if not chunk:
                    self._ended = True
                    os.close(self._descriptor)

    def settle(self, deadline: float) -> None:
        """Wait until the queue has everything written so far, even an unfinished line, or until the deadline."""
        while True:
            with self._lock:
                if self._ended or not _bytes_waiting(self._descriptor):
                    if self._unfinished:
                        self._lines.put(self._unfinished)
                        self._unfinished = ""
                    return
            if time.monotonic() > deadline:
                return
            time.sleep(0.001)


def _bytes_waiting(descriptor: int) -> int:
    count = array.array("i", [0])
    fcntl.ioctl(descriptor, termios.FIONREAD, count)
    return count[0]


def _function_variables(config: Mapping[str, Any], environment: str) -> dict[str, str]:
    """The function's own variables, and Lambda's that MiniStack does not set."""
    own: dict[str, str] = (config.get("Environment") or {}).get("Variables") or {}
    log_group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config.get('FunctionName')}"
    return {
        **own,
        "_HANDLER": config.get("Handler", ""),
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{HOST_RUNTIME}",
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group,
        "AWS_SDK_UA_APP_ID": environment,  # part of the SDK's User-Agent, which identifies the calling process
    }


def _with_logged_failure(result: dict[str, Any]) -> dict[str, Any]:
    """Log why a function could not start, as AWS does."""
    if not result.get("error") or result.get("log"):
        return result
    body = result.get("body") or {}
    return {**result, "log": f"[ERROR] {body.get('errorType')}: {body.get('errorMessage')}"}


def _kill(process: subprocess.Popen[str] | None) -> None:
    """Kill at once, as Lambda does. MiniStack's SIGTERM could be caught, and delays the response."""
    if process is not None and process.poll() is None:
        process.kill()


def link_packages(folder: Path, names: Iterable[str]) -> list[Path]:
    """Link packages and modules that are installed here into the folder; return them."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = []
    for name in names:
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None:
            raise RuntimeError(f"{name}, which is part of Lambda's Python runtime, is not installed here")
        source = Path(found.origin)
        source = source.parent if source.name == "__init__.py" else source
        link = folder / source.name
        link.unlink(missing_ok=True)
        link.symlink_to(source)
        sources.append(source)
    return sources


def _write_launcher(path: Path) -> Path:
    """Write the program that MiniStack starts with the worker script as its only argument.

    -I: no PYTHON* variable, no user site, no script folder; -S: no site-packages; -B: no bytecode is written, since
    Lambda's code folder is read-only; -X utf8: Lambda's locale, whatever the machine's is.
    """
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -S -B -X utf8 "$@"\n', encoding="utf-8")
    path.chmod(0o700)
    return path
