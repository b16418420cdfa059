"""Starts a function in a fresh process as Lambda does: awslambdaric, the package, and Lambda's variables."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from batchbell.wire import Variable
from bench.function_package import HANDLER
from bench.instant_endpoint import InstantEndpoint
from bench.processor_share import ProcessorShare
from bench.runtime_endpoint import FunctionFailed, RuntimeEndpoint

TIMEOUT = 30  # s, of the function, as in a stack with the default setting
QUEUES = "https://sqs.us-east-1.amazonaws.com/123456789012/bench"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class FunctionEnvironment:
    """The surroundings of function processes.

    runtime: a folder with the packages that Lambda's image provides
    endpoint: responds to all calls
    """

    runtime: Path
    endpoint: InstantEndpoint

    def variables(self, runtime_address: str, task_root: Path) -> dict[str, str]:
        """Return the process's variables (Lambda Developer Guide, "Defined runtime environment variables")."""
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PYTHONPATH": str(self.runtime),
            "LAMBDA_TASK_ROOT": str(task_root),
            "AWS_LAMBDA_RUNTIME_API": runtime_address,
            "AWS_LAMBDA_FUNCTION_NAME": "bench",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_ENDPOINT_URL": self.endpoint.url,
            "AWS_CA_BUNDLE": str(self.endpoint.ca_bundle),
            Variable.LEDGER_TABLE: "bench",
            Variable.RETRY_QUEUE_URL: f"{QUEUES}-retry",
            Variable.DEAD_LETTER_QUEUE_URL: f"{QUEUES}-dead-letters",
            Variable.FUNCTION_TIMEOUT: str(TIMEOUT),
            Variable.LOG_SERVICE: "bench",
        }


class FunctionProcess:
    """A running function process; a context manager. `runtime` sends it events."""

    def __init__(
        self, environment: FunctionEnvironment, task_root: Path, handler: str = HANDLER, *python_options: str
    ) -> None:
        self.runtime = RuntimeEndpoint(TIMEOUT)
        self._log = (task_root.parent / f"{task_root.name}.log").open("w+", encoding="utf-8")
        # -S: no site-packages; -B: as in Lambda, where the package cannot be written.
        command = [sys.executable, "-S", "-B", "-X", "utf8", *python_options, "-m", "awslambdaric", handler]
        variables = environment.variables(self.runtime.address, task_root)
        self._used = 0.0
        self.started = time.monotonic()
        self._process = subprocess.Popen(command, cwd=task_root, env=variables, stdout=self._log, stderr=self._log)

    def __enter__(self) -> FunctionProcess:
        self.runtime.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        self.runtime.__exit__(kind, error, trace)
        self._log.close()
        if isinstance(error, FunctionFailed):
            error.add_note(self.log()[-2000:])

    def end(self) -> float:
        """End the process, and return the processor time that it has used: all threads, user and system, in seconds."""
        if self._process.returncode is None:
            self._process.kill()
            _, self._process.returncode, usage = os.wait4(self._process.pid, 0)
            self._used = usage.ru_utime + usage.ru_stime
        return self._used

    def log(self) -> str:
        """Return what the process has printed; works after its end too."""
        return Path(self._log.name).read_text(encoding="utf-8", errors="replace")

    def limit(self, share: ProcessorShare) -> None:
        """Limit the process to a share of one processor from now on."""
        share.add(self._process.pid)

    def processor_seconds(self) -> float:
        """Return the processor time used so far by all threads, user and system (proc(5), /proc/PID/stat)."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def peak_memory(self) -> float:
        """Return the peak resident memory in MB (10^6 bytes) (proc(5), VmHWM)."""
        status = Path(f"/proc/{self._process.pid}/status").read_text("utf-8", "replace")
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6


@dataclass(frozen=True)
class ColdStart:
    """The steps of a cold start, in seconds since the start of the process.

    ready: when the process asked for an event
    arrived: when each send arrived, by action
    answered: when the function responded
    processor: seconds of processor time until it was ended, after its response
    calls: what it called, by action
    """

    ready: float
    arrived: Mapping[str, float]
    answered: float
    processor: float
    calls: Mapping[str, int]

    @property
    def delivered(self) -> float:
        """When the last channel had its message."""
        return max(self.arrived.values())


def start_cold(
    environment: FunctionEnvironment,
    task_root: Path,
    handler: str,
    event: object,
    sends: Sequence[str],
    share: ProcessorShare | None = None,
) -> ColdStart:
    """Start a process, send it an event as soon as it is ready, and wait for its response.

    share: of a processor, from the event on; until then it has a whole one

    Raises FunctionFailed if the function fails or does not make each of the `sends` (actions).
    """
    endpoint = environment.endpoint
    endpoint.take_requests()
    with FunctionProcess(environment, task_root, handler) as function:
        ready = function.runtime.wait_until_ready()
        if share is not None:
            function.limit(share)
        function.runtime.send(event)
        result = function.runtime.wait_for_result()
        processor = function.end()
    requests = endpoint.take_requests()
    arrived = {one.action: one.at - function.started for one in requests if one.action in sends}
    if missing := set(sends) - arrived.keys():
        raise FunctionFailed(f"no call of {', '.join(sorted(missing))}; the log:\n{function.log()[-2000:]}")
    calls = Counter(one.action for one in requests)
    return ColdStart(ready - function.started, arrived, result.ended - function.started, processor, calls)
