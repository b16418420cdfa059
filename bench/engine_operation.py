"""Runs one operation of the real Pulumi engine on one stack, in a process of its own: `python engine_operation.py`.

It needs its own process since each run must load the program's modules anew.

Standard input is one line of JSON: {"operation": "up", "preview" or "export", "program", "stack", "secrets"}. Standard
output is one line of JSON: {"result": …} or {"failed": text}. The environment determines the CLI, the backend and the
AWS endpoint.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any

from pulumi import automation

OUT = os.fdopen(os.dup(1), "w", encoding="utf-8")
PROJECT = "unused"  # Pulumi takes the name from the program's Pulumi.yaml


def emit(**event: Any) -> None:
    OUT.write(json.dumps(event) + "\n")


def run_program() -> None:
    """Run the program as Pulumi's language host does: its folder is the working directory and first on the path."""
    runpy.run_path("__main__.py", run_name="__main__")


def operate(stack: automation.Stack, operation: str) -> Any:
    if operation == "up":
        done = stack.up(color="never")
        return {name: "[secret]" if one.secret else one.value for name, one in done.outputs.items()}
    if operation == "export":
        return {"deployment": stack.export_stack().deployment}
    return dict(stack.preview(color="never", program=run_program).change_summary)


def main() -> None:
    os.dup2(2, 1)
    request = json.loads(sys.stdin.readline())
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
