from __future__ import annotations

import io
import zipfile
from typing import Any

from batchbell_local.cloud import LocalCloud

SHOW_CODE = """
import os

def handler(event, context):
    root = os.environ["LAMBDA_TASK_ROOT"]
    return {"pid": os.getpid(), "file": os.path.realpath(__file__), "in_root": __file__.startswith(root + os.sep),
            "names": sorted(os.listdir(root)), "root": root}
"""


def test_new_processes_of_a_function_use_the_code_that_was_unpacked_for_the_first(
    cloud: LocalCloud, deploy: Any
) -> None:
    function = deploy(SHOW_CODE)
    first = function.invoke({})
    variables = {"Variables": {"ANOTHER": "process"}}
    cloud.client("lambda").update_function_configuration(FunctionName=function.name, Environment=variables)
    second = function.invoke({})

    assert first["pid"] != second["pid"]
    assert first["root"] != second["root"]  # a process's other files, such as /tmp, are its own
    assert first["file"] == second["file"]
    assert first["in_root"] and second["in_root"]


def test_after_an_update_of_its_code_a_function_sees_only_the_new_code(cloud: LocalCloud, deploy: Any) -> None:
    function = deploy(SHOW_CODE)
    (module,) = function.invoke({})["names"]
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("another.py", "")
        archive.writestr(module, SHOW_CODE)
    cloud.client("lambda").update_function_code(FunctionName=function.name, ZipFile=package.getvalue())

    assert function.invoke({})["names"] == ["another.py", module]
