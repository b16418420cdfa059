from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batchbell_local.cloud import LocalCloud
from tests.waiting import within

SHOW_ENVIRONMENT = """
import os, sys, tempfile

def handler(event, context):
    return {"variables": dict(os.environ), "path": sys.path, "tmp": tempfile.gettempdir(),
            "home": os.path.expanduser("~"), "initial": open("/proc/self/environ").read()
            if os.path.exists("/proc/self/environ") else ""}
"""

SHOW_CONTEXT = """
import time

def handler(event, context):
    before = context.get_remaining_time_in_millis()
    deadline = time.monotonic() + 0.2
    while time.monotonic() < deadline:
        time.sleep(0.01)
    return {"before": before, "after": context.get_remaining_time_in_millis(), "request": context.aws_request_id,
            "arn": context.invoked_function_arn, "name": context.function_name, "memory": context.memory_limit_in_mb,
            "group": context.log_group_name, "pid": __import__("os").getpid()}
"""

REPORT_AND_HANG = """
import os, signal, sys, time

def handler(event, context):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("before the end", flush=True)
    with open(os.environ["PID_FILE"], "w") as file:
        file.write(str(os.getpid()))
    time.sleep(60)
"""

PRINT_LINES = """
import sys

def handler(event, context):
    print("to stdout")
    print("to stderr", file=sys.stderr)
    for number in range(event["lines"]):
        print(f"line {number} {'x' * 100}")
    sys.stderr.write("no newline at the end")
    sys.stderr.flush()
"""


def test_a_bundle_that_lacks_a_dependency_fails_at_its_import(deploy: Any) -> None:
    function = deploy("import requests\ndef handler(event, context):\n    return requests.__version__\n")
    answer = function.invoke()
    assert answer["errorType"] == "Runtime.ImportModuleError"
    assert answer["errorMessage"] == "Unable to import module 'app': No module named 'requests'"
    assert any("No module named 'requests'" in line for line in function.log_lines())


def test_a_bundle_that_lacks_only_boto3_runs(deploy: Any) -> None:
    function = deploy(
        "import boto3\ndef handler(event, context):\n    return boto3.client('sts').get_caller_identity()['Arn']\n"
    )
    assert function.invoke() == f"arn:aws:sts::123456789012:assumed-role/{function.name}/{function.name}"


def test_a_function_sees_nothing_of_the_callers_environment(
    deploy: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("MARKER", "PYTHONSTARTUP", "PIP_INDEX_URL", "PULUMI_ACCESS_TOKEN", "AWS_PROFILE", "PYTHONPATH"):
        monkeypatch.setenv(name, "marker-of-the-caller")
    with LocalCloud.start() as cloud:
        seen = deploy(SHOW_ENVIRONMENT, on=cloud).invoke()
    assert "marker-of-the-caller" not in str(seen)
    assert "site-packages" not in str(seen["path"])
    assert not [name for name in seen["variables"] if name.startswith(("PIP_", "PULUMI_", "VIRTUAL_ENV", "MINISTACK"))]
    assert str(Path.home()) not in (seen["home"], seen["tmp"])


def test_a_function_has_the_variables_that_lambda_sets(cloud: LocalCloud, deploy: Any) -> None:
    function = deploy(SHOW_ENVIRONMENT, variables={"OWN": "mine", "AWS_REGION": "eu-central-1"}, log_group="/shared")
    variables = function.invoke()["variables"]
    expected = {
        "OWN": "mine",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": cloud.endpoint,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/shared",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
        "_HANDLER": "app.handler",
        "TZ": ":UTC",
        "LANG": "en_US.UTF-8",
    }
    assert {name: variables.get(name) for name in expected} == expected
    assert (Path(variables["LAMBDA_TASK_ROOT"]) / "app.py").is_file()
    assert variables["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert variables["AWS_SESSION_TOKEN"]


def test_the_context_counts_down_and_names_the_invocation(deploy: Any) -> None:
    function = deploy(SHOW_CONTEXT, timeout=60)
    first, second = function.invoke(), function.invoke()
    assert 50_000 < first["before"] <= 60_000
    assert 200 <= first["before"] - first["after"] < 20_000  # it takes 0.2 s, and on a busy machine longer
    assert second["before"] > first["after"]
    assert first["request"] != second["request"]
    assert first["pid"] == second["pid"]
    assert first["name"] == function.name
    assert first["arn"] == f"arn:aws:lambda:us-east-1:123456789012:function:{function.name}"
    assert first["group"] == f"/aws/lambda/{function.name}"
    assert first["memory"] == 128


def test_a_function_that_times_out_is_killed_at_once(
    deploy: Any, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    pid_file = tmp_path / "pid"
    function = deploy(REPORT_AND_HANG, timeout=1, variables={"PID_FILE": str(pid_file)})
    with within(2.5):  # it ignores SIGTERM, for which MiniStack would have waited 2 s more
        answer = function.invoke()
    assert answer == {"errorMessage": "Task timed out after 1.00 seconds", "errorType": "Sandbox.Timedout"}
    assert "before the end" in function.log_lines()
    wait_until(lambda: not _alive(int(pid_file.read_text())), "dead")


def test_every_line_of_a_function_reaches_its_log_group(deploy: Any) -> None:
    function = deploy(PRINT_LINES)
    function.invoke({"lines": 2000})
    lines = function.log_lines()
    assert lines[0].startswith("START RequestId: ")
    assert lines[1:3] == ["to stdout", "to stderr"]
    assert [line.split()[1] for line in lines if line.startswith("line ")] == [str(n) for n in range(2000)]
    assert "no newline at the end" in lines


def test_lines_still_in_the_pipe_are_waited_for() -> None:
    from batchbell_local.ministack.functions import StderrPump

    class SlowQueue(queue.Queue[str]):
        def put(self, item: str, block: bool = True, timeout: float | None = None) -> None:
            time.sleep(0.005)
            super().put(item, block, timeout)

    lines = SlowQueue()
    reading, writing = os.pipe()
    stream = StderrPump(reading, lines)
    pump = threading.Timer(0.1, stream.pump)
    pump.daemon = True
    pump.start()
    os.write(writing, b"\n".join(b"line %d" % number for number in range(20)))
    stream.settle(time.monotonic() + 60)
    assert [lines.get_nowait() for _ in range(20)] == [f"line {number}" for number in range(20)]
    os.close(writing)
    pump.join(timeout=60)
    assert not pump.is_alive()


def test_a_function_logs_to_the_group_of_its_logging_config(cloud: LocalCloud, deploy: Any) -> None:
    function = deploy(PRINT_LINES, log_group="/own/group")
    function.invoke({"lines": 1})
    assert any(line.startswith("line 0") for line in function.log_lines())
    groups = cloud.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{function.name}")
    assert groups["logGroups"] == []


def test_a_runtime_other_than_this_machines_is_refused(deploy: Any) -> None:
    other = "python3.13" if sys.version_info[:2] != (3, 13) else "python3.12"
    answer = deploy("def handler(event, context):\n    return 1\n", runtime=other).invoke()
    assert answer["errorType"] == "RuntimeMismatch"
    assert f"has the runtime {other}" in answer["errorMessage"]
    assert f"python{sys.version_info.major}.{sys.version_info.minor}" in answer["errorMessage"]


def test_changed_variables_reach_the_next_invocation(cloud: LocalCloud, deploy: Any) -> None:
    function = deploy("import os\ndef handler(event, context):\n    return os.environ['OWN']\n", variables={"OWN": "1"})
    assert function.invoke() == "1"
    cloud.client("lambda").update_function_configuration(
        FunctionName=function.name, Environment={"Variables": {"OWN": "2"}}
    )
    assert function.invoke() == "2"


WAIT_FOR_FILE = """
import os, time

def handler(event, context):
    open(os.environ["STARTED"], "w").write(str(os.getpid()))
    while not os.path.exists(os.environ["GO_ON"]):
        time.sleep(0.01)
    return os.environ["OWN"]
"""


def test_an_invocation_that_runs_during_an_update_finishes_and_the_next_one_sees_the_change(
    cloud: LocalCloud, deploy: Any, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    started, go_on = tmp_path / "started", tmp_path / "go on"
    variables = {"STARTED": str(started), "GO_ON": str(go_on)}
    function = deploy(WAIT_FOR_FILE, variables={**variables, "OWN": "old"}, timeout=60)
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=lambda: answers.put(function.invoke()), daemon=True).start()
    wait_until(lambda: started.exists() and started.read_text(), "started")
    running = int(started.read_text())
    cloud.client("lambda").update_function_configuration(
        FunctionName=function.name, Environment={"Variables": {**variables, "OWN": "new"}}
    )
    go_on.touch()

    assert answers.get(timeout=60) == "old"
    assert function.invoke() == "new"
    wait_until(lambda: not _alive(running), "dead")


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
