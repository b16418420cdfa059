"""LocalCloud: a local AWS for a test or a demo, in a process of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .faults import Fault
from .job_control import JobControl
from .rule_control import RuleControl
from .server import ACCOUNT_ID, CONNECTION_BACKLOG, REGION, ROOT_ACCESS_KEY, ROOT_SECRET_KEY

START_DEADLINE = 120.0  # seconds; about one is usual, and a busy machine takes many times as long
CALL_DEADLINE = 30.0  # seconds for a call that AWS does not have; milliseconds are usual
STOP_DEADLINE = 10.0  # seconds until the process group is killed
LOG_TAIL = 16_000  # characters
LOG_FILE = "cloud.log"
CONFIG_FILE = "aws-config"  # has an empty default profile, which overrides an inherited AWS_PROFILE
NO_FILE = "no-such-file"  # never exists
# What the process inherits: a PATH for commands, the locale, and the library path that a Python with a shared library
# of its own needs. AWS_*, PULUMI_*, PIP_* and PYTHON* are not inherited.
INHERITED_VARIABLES = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class LocalCloudError(RuntimeError):
    """The local AWS did not start, and the text ends with the last lines of its log; or it did not answer a call."""


@dataclasses.dataclass(frozen=True)
class FaultHandle:
    """An active fault."""

    cloud: LocalCloud
    number: int

    @property
    def hits(self) -> list[str]:
        """The bodies of the requests that it hit."""
        hits: list[str] = self.cloud._control("GET", f"faults/{self.number}")["hits"]
        return hits

    def clear(self) -> None:
        """End the fault; `hits` still answers afterwards."""
        self.cloud._control("DELETE", f"faults/{self.number}")


class LocalCloud:
    """A running local AWS. Start it with `start()`, use it as a context manager or call `stop()`."""

    region = REGION
    account_id = ACCOUNT_ID

    def __init__(self, process: subprocess.Popen[bytes], port: int, folder: Path, keep_folder: bool) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self._port = port
        self._process = process
        self._folder = folder
        self._keep_folder = keep_folder
        self._final_log = ""
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()
        self.jobs = JobControl(lambda action, given: self._control("POST", f"batch/{action}", given))
        self.rules = RuleControl(lambda action, given: self._control("POST", f"rules/{action}", given))

    @classmethod
    def start(cls, *, folder: Path | None = None, duplicate_events: bool = False) -> LocalCloud:
        """Start a local AWS and wait until it responds.

        folder: keeps its files, such as `cloud.log`; by default a new folder that `stop()` removes.
        duplicate_events: deliver the event of every finished job twice, since AWS delivers at least once.

        Raises LocalCloudError if the process ends or does not respond in time.
        """
        keep_folder = folder is not None
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix="local-cloud-"))
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CONFIG_FILE).write_text("[default]\n", encoding="utf-8")
        # Bound here and passed on, so that nothing else can take the port in between.
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen(CONNECTION_BACKLOG)
            port = listening.getsockname()[1]
            descriptor = listening.fileno()
            command = [sys.executable, "-m", "batchbell_local.server", f"--socket={descriptor}", f"--folder={folder}"]
            if keep_folder:
                command.append("--keep-folder")
            with (folder / LOG_FILE).open("wb") as log:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=folder,
                    env=_scrubbed_environment(folder, duplicate_events),
                    pass_fds=[descriptor],
                    start_new_session=True,
                )
        cloud = cls(process, port, folder, keep_folder)
        try:
            cloud._wait_until_ready()
        except BaseException:
            cloud.stop()
            raise
        return cloud

    def __enter__(self) -> LocalCloud:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the process and everything it started; remove its folder unless the caller chose it. Idempotent."""
        with self._lock:
            if self._process.returncode is None:
                self._end_process()
            if not self._final_log:
                self._final_log = self._read_log()
            if not self._keep_folder:
                shutil.rmtree(self._folder, ignore_errors=True)

    def environment(self) -> dict[str, str]:
        """The variables that make boto3, the AWS CLI and Pulumi programs use this local AWS and nothing else.

        Add them to a process's environment. They override what the user may have set there: profiles, session tokens,
        endpoints of single services, proxies.
        """
        variables = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_SECRET_KEY,
            "AWS_SESSION_TOKEN": "",
            "AWS_PROFILE": "default",
            "AWS_CONFIG_FILE": str(self._folder / CONFIG_FILE),
            "AWS_SHARED_CREDENTIALS_FILE": str(self._folder / NO_FILE),
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }
        variables.update((name, self.endpoint) for name in os.environ if name.startswith("AWS_ENDPOINT_URL_"))
        return variables

    def client(self, service: str) -> Any:
        """A boto3 client with an administrator's rights. Each service's client is made once."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._make_client(service)
            return self._clients[service]

    def mailbox(self) -> list[dict[str, Any]]:
        """The mails sent through SES, oldest first: Source, To, CC, BCC, Subject, BodyText, BodyHtml and more."""
        answer = self._call("GET", f"/_ministack/ses/messages?account={self.account_id}")
        mails: list[dict[str, Any]] = answer["messages"].get(self.account_id, [])
        return mails

    def verify_sender(self, address: str) -> None:
        """Let SES send mail from this address, as the owner of an account does once."""
        self.client("sesv2").create_email_identity(EmailIdentity=address)

    def message_count(self, queue_url: str) -> int:
        """How many messages an SQS queue holds: visible, in flight and delayed ones."""
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        attributes = self.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def function_log(self, function: str, term: str = "") -> list[dict[str, Any]]:
        """The events of a function's log, oldest first; with a term, only those that contain it."""
        group = self.client("lambda").get_function_configuration(FunctionName=function)["LoggingConfig"]["LogGroup"]
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group, filterPattern=term)
        return [event for page in pages for event in page["events"]]

    def job_queue_arn(self, name: str) -> str:
        """The ARN of a Batch job queue."""
        (queue,) = self.client("batch").describe_job_queues(jobQueues=[name])["jobQueues"]
        return str(queue["jobQueueArn"])

    def fail(self, action: str, **details: Any) -> FaultHandle:
        """Make calls of deployed functions fail from now on; the arguments are those of `faults.Fault`.

        Calls by the clients of this object never fail.
        """
        return FaultHandle(self, self._control("POST", "faults", dataclasses.asdict(Fault(action, **details)))["fault"])

    def clear_faults(self) -> None:
        """End all faults."""
        self._control("DELETE", "faults")

    def raise_events(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Put events on the default bus as AWS Batch does."""
        self._control("POST", "events", {"events": list(events)})

    def collect_quiet_queues_for(self, share: float) -> None:
        """Set how long a mapping with a window collects from a quiet queue, as a share of its function's timeout."""
        self._control("POST", "mappings/quiet", {"share": share})

    def lag_relations(self, seconds: float) -> None:
        """Set how long AWS Batch refuses to delete a compute environment that a job queue has just left."""
        self._control("POST", "batch/relation-lag", {"seconds": seconds})

    def kill_functions(self) -> int:
        """Send SIGKILL to every function that is running an invocation, and return how many there were."""
        return int(self._control("POST", "functions/kill")["killed"])

    def restart_functions(self) -> None:
        """End the processes of all functions, the running ones after their invocations, as after an update."""
        self._control("POST", "functions/restart")

    def move_time(self, seconds: float) -> None:
        """Let so much time pass at once, for functions, jobs and schedules; those that are due fire."""
        self._control("POST", "time", {"seconds": seconds})

    def shift_clock(self, seconds: float) -> int:
        """Set how far ahead the clock of functions is whose processes start from now on; behind, if negative.

        Returns how many processes started with the clock before.
        """
        return int(self._control("POST", "functions/clock", {"seconds": seconds})["started"])

    def count_descriptors(self) -> list[int]:
        """How many open files and sockets each function's process has; empty on a machine without /proc."""
        counts: list[int] = self._control("GET", "functions/descriptors")["counts"]
        return counts

    def peak_memory(self) -> list[int]:
        """The most memory that each function's process has had, in KiB; empty on a machine without /proc."""
        peaks: list[int] = self._control("GET", "functions/memory")["peaks"]
        return peaks

    def waiting_messages(self, queue_url: str) -> list[dict[str, Any]]:
        """The messages that nobody has received yet: "body", and "due", the seconds until each is visible."""
        messages: list[dict[str, Any]] = self._control("POST", "queues/waiting", {"url": queue_url})["messages"]
        return messages

    def make_due(self, queue_url: str) -> int:
        """Make a queue's delayed messages visible at once, and return how many there were."""
        return int(self._control("POST", "queues/due", {"url": queue_url})["made_due"])

    def log(self) -> str:
        """The end of the process's log. Works after `stop()` too."""
        return self._final_log or self._read_log()

    def _wait_until_ready(self) -> None:
        try:
            # The socket is listening already, so this request waits in its backlog until the process accepts it.
            self._request("GET", "/_ministack/health", None, START_DEADLINE)
        except OSError as error:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=1)
            code = self._process.poll()
            state = "does not respond" if code is None else f"ended with code {code}"
            log = self._read_log()[-4000:]
            raise LocalCloudError(f"The local AWS {state}. The end of its log:\n{log}") from error

    def _control(self, method: str, path: str, payload: Any = None) -> dict[str, Any]:
        return self._call(method, f"/_batchbell/{path}", None if payload is None else json.dumps(payload).encode())

    def _call(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = json.loads(self._request(method, path, body, CALL_DEADLINE))
        except TimeoutError as error:
            problem = f"The local AWS did not answer {method} {path} within {CALL_DEADLINE:g} s"
            raise LocalCloudError(f"{problem}: is this machine too busy?") from error
        return answer

    def _request(self, method: str, path: str, body: bytes | None, timeout: float) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout)
        with contextlib.closing(connection):
            try:
                connection.request(method, path, body)
                response = connection.getresponse()
                content = response.read()
            except http.client.HTTPException as error:
                raise ConnectionError(f"{path}: no response ({type(error).__name__})") from error
            if response.status != http.client.OK:
                raise ConnectionError(f"{path}: status {response.status}")
            return content

    def _make_client(self, service: str) -> Any:
        from botocore.config import Config

        config = Config(proxies={}, retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60)
        with _session_lock:
            return _open_session().client(
                service,
                endpoint_url=self.endpoint,
                region_name=self.region,
                aws_access_key_id=ROOT_ACCESS_KEY,
                aws_secret_access_key=ROOT_SECRET_KEY,
                config=config,
            )

    def _end_process(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=STOP_DEADLINE)
        # What is left of the group: the process itself if it hangs, and processes that a function left behind.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def _read_log(self) -> str:
        try:
            return (self._folder / LOG_FILE).read_bytes()[-LOG_TAIL:].decode("utf-8", "replace")
        except OSError:
            return ""


def _scrubbed_environment(folder: Path, duplicate_events: bool) -> dict[str, str]:
    variables = {name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ}
    variables["PYTHONPATH"] = str(Path(__file__).resolve().parents[1])
    variables["HOME"] = str(folder)
    variables["AWS_CONFIG_FILE"] = variables["AWS_SHARED_CREDENTIALS_FILE"] = str(folder / NO_FILE)
    variables["AWS_EC2_METADATA_DISABLED"] = "true"
    if duplicate_events:
        variables["BATCHBELL_DUPLICATE_EVENTS"] = "1"
    return variables


_session_lock = threading.Lock()  # a session is not thread-safe (boto3 guide, "Session")


@functools.cache
def _open_session() -> Any:
    """One session for all clouds of this process, since each new one reads botocore's data again.

    It ignores the user's own profile and files.
    """
    import boto3
    import botocore.session

    session = botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
    return boto3.session.Session(botocore_session=session)
