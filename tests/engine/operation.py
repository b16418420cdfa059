"""Runs one operation of the real Pulumi engine on one stack, in a process of its own: `python operation.py`.

It needs its own process since each run must load the program's modules anew, and since tests interrupt and kill it.
The process leads a process group, to which the CLI belongs too, as in a terminal.

Standard input is one line of JSON: {"operation", "program", "stack", "secrets"}. Standard output has one line of JSON
for each event: {"step": [operation, type, name, "begun" or "done" or "failed"]}, {"diagnostic": [severity, text]}, and
finally {"result": …} or {"failed": text}. The environment determines the CLI, the backend and the AWS endpoint.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from pulumi import automation

OUT = os.fdopen(os.dup(1), "w")
PROJECT = "unused"  # Pulumi takes the name from the program's Pulumi.yaml
LOCK = threading.Lock()


def emit(**event: Any) -> None:
    with LOCK:
        OUT.write(json.dumps(event) + "\n")
        OUT.flush()


def run_program() -> None:
    """Run the program as Pulumi's language host does: its folder is the working directory and first on the path."""
    runpy.run_path("__main__.py", run_name="__main__")


def on_event(event: automation.EngineEvent) -> None:
    for state in ("resource_pre_event", "res_outputs_event", "res_op_failed_event"):
        if (found := getattr(event, state)) is not None:
            metadata = found.metadata
            word = {"resource_pre_event": "begun", "res_outputs_event": "done", "res_op_failed_event": "failed"}[state]
            emit(step=[metadata.op.value, metadata.type, metadata.urn.rpartition("::")[2], word])
    if (found := event.diagnostic_event) is not None:
        emit(diagnostic=[found.severity, found.message])


def operate(stack: automation.Stack, operation: str) -> Any:
    if operation.startswith("up"):
        done = stack.up(on_event=on_event, color="never", continue_on_error=operation != "up")
        return {name: "[secret]" if one.secret else one.value for name, one in done.outputs.items()}
    if operation == "preview":
        return dict(stack.preview(on_event=on_event, color="never", program=run_program).change_summary)
    if operation == "refresh":
        return dict(stack.refresh(on_event=on_event, color="never").summary.resource_changes or {})
    if operation == "destroy":
        return dict(stack.destroy(on_event=on_event, color="never").summary.resource_changes or {})
    if operation == "cancel":
        return stack.cancel()
    raise ValueError(operation)


def main() -> None:
    os.dup2(2, 1)
    request = json.loads(sys.stdin.readline())
    signal.signal(signal.SIGINT, lambda *_: None)  # as in the language host: only the engine handles Ctrl-C
    program = Path(request["program"])
    os.chdir(program)
    sys.path.insert(0, str(program))
    try:
        options = automation.LocalWorkspaceOptions(work_dir=str(program))
        stack = automation.create_or_select_stack(request["stack"], PROJECT, run_program, opts=options)
        if request["secrets"]:
            stack.set_all_config(
                {name: automation.ConfigValue(value, secret=True) for name, value in request["secrets"].items()}
            )
        emit(result=operate(stack, request["operation"]))
    except automation.errors.CommandError as error:
        emit(failed=str(error))
    OUT.flush()
    os._exit(0)


main()
