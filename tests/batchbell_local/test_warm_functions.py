"""Processes of functions that the tests fork (tests/warm_python) behave as those that local AWS starts."""

from __future__ import annotations

import sys
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")

FORKED = {"batchbell/__init__.py": ""}  # the package of such a function has this folder
SHOW_ALL = """
import locale, os, random, sys, tempfile, time

def stream(one):
    return [one.encoding, one.errors, one.line_buffering, one.fileno()]

def handler(event, context):
    code, name = os.environ["LAMBDA_TASK_ROOT"], context.function_name
    hidden = {code: "CODE", os.path.dirname(code): "FOLDER", name: "NAME",
              os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]: "STREAM", os.environ["AWS_SDK_UA_APP_ID"]: "PROCESS"}
    def show(text):
        for value, word in hidden.items():
            text = text.replace(value, word)
        return text
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")  # differ from function to function
    kept = {key: show(value) for key, value in os.environ.items() if key not in keys}
    return {"variables": kept, "path": [show(one) for one in sys.path], "argv": [show(one) for one in sys.argv],
            "streams": [stream(sys.stdin), stream(sys.stderr), stream(sys.__stdout__)], "flags": str(sys.flags),
            "temporary": show(tempfile.gettempdir()), "zone": time.tzname, "encoding": locale.getpreferredencoding(),
            "folder": os.path.samefile(".", code), "open": sorted(os.listdir("/proc/self/fd"), key=int)[:3]}
"""
SHOW_PROCESS = """
import random

def handler(event, context):
    return {"command": open("/proc/self/cmdline").read(), "random": random.random()}
"""
SHOW_REQUESTS = "import requests\ndef handler(event, context):\n    return requests.VALUE\n"


def test_a_forked_function_sees_what_a_started_one_sees(deploy: Any) -> None:
    started, forked = (deploy(SHOW_ALL, files=files, log_group="/one").invoke() for files in ({}, FORKED))
    assert forked == started


def test_each_process_is_forked_with_random_numbers_of_its_own(deploy: Any) -> None:
    processes = [deploy(SHOW_PROCESS, files=FORKED).invoke() for _ in range(2)]
    assert all("tests/warm_python/functions.py" in process["command"] for process in processes)
    assert processes[0]["random"] != processes[1]["random"]


def test_each_package_has_the_distributions_that_it_brings(deploy: Any) -> None:
    values = [deploy(SHOW_REQUESTS, files={**FORKED, "requests/__init__.py": f"VALUE = {n}"}).invoke() for n in (1, 2)]
    assert values == [1, 2]


def test_a_distribution_that_lacks_a_module_fails_as_in_a_started_function(deploy: Any) -> None:
    lacking = {"requests/__init__.py": "import urllib4"}
    started, forked = (deploy(SHOW_REQUESTS, files={**lacking, **files}).invoke() for files in ({}, FORKED))
    assert forked == started
    assert "No module named 'urllib4'" in forked["errorMessage"]
