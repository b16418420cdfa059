"""What a forked process does to become another program. It imports the standard library only."""

from __future__ import annotations

import atexit
import contextlib
import os
import runpy
import sys
import traceback
from typing import Any


def take(descriptors: list[int], numbers: list[int]) -> None:
    """Give the descriptors these numbers, and close all others."""
    above = max((*descriptors, *numbers)) + 1
    for place, descriptor in enumerate(descriptors):
        os.dup2(descriptor, above + place)
    os.closerange(0, above)
    for place, number in enumerate(numbers):
        os.dup2(above + place, number)
    kept = set(numbers)
    for number in range(above + len(numbers)):
        if number not in kept:
            with contextlib.suppress(OSError):
                os.close(number)


def run(module: str | None, file: str | None) -> int:
    """Run the module, or else the file, as Python's command line does; return the exit code."""
    code: Any = 0
    try:
        if module:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        elif file:
            runpy.run_path(file, run_name="__main__")
    except SystemExit as end:
        code = end.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)
