"""Our own files in the package, and imports that would fail there."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchbell.plugins import find_plugins
from components.package.bundle import BundleError, build
from tests.installed import OTHER_PYTHON, put_distribution, put_plugin


def test_the_package_has_the_modules_that_a_notifier_imports_and_its_data_files(site: Path, tmp_path: Path) -> None:
    plugin = put_plugin(
        site,
        "acme_folder_pager",
        notifier="def create(settings, secrets):\n    from .wording import say",
        **{
            "wording.py": "",
            "policy.py": "",
            "mail.html": "",
            "README.md": "",
            "tests/sample.json": "",
            ".cache/notes": "",
        },
    )
    folder = build([plugin], OTHER_PYTHON, cache=tmp_path)
    files = [path for path in (folder / "acme_folder_pager").rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"__init__.py", "notifier.py", "wording.py", "mail.html"}


@pytest.mark.parametrize(
    "module",
    [
        "from . import infrastructure",
        "from . import preview",
        "import batchbell.provisioning",
        "import batchbell.preview",
    ],
)
def test_a_notifier_that_imports_deploy_time_code_is_refused(site: Path, tmp_path: Path, module: str) -> None:
    plugin = put_plugin(site, "acme_forbidden_pager", notifier=module, **{"preview.py": ""})
    with pytest.raises(BundleError, match=r"notifier runs in the Lambda but imports .* deploy time only"):
        build([plugin], OTHER_PYTHON, cache=tmp_path)


LIBRARIES = {
    "acme_lib/__init__.py": "",
    "acme_space/client/__init__.py": "",  # acme_space is a namespace: any distribution may add to it
    "acme_native.cpython-313-x86_64-linux-gnu.so": "",
}


@pytest.mark.parametrize(
    ("statement", "reported"),
    [
        ("import acme_lib", 'acme_lib (acme_careless.notifier line 1): add "acme-libraries"'),
        ("from acme_lib.inner import thing", 'acme_lib.inner (acme_careless.notifier line 1): add "acme-libraries"'),
        ("def send():\n    import acme_lib", 'acme_lib (acme_careless.notifier line 2): add "acme-libraries"'),
        ("import acme_native", 'acme_native (acme_careless.notifier line 1): add "acme-libraries"'),
        (
            "import acme_nowhere.deep",
            "acme_nowhere.deep (acme_careless.notifier line 1): install the distribution that has it",
        ),
        ("from . import wording", 'acme_lib (acme_careless.wording line 1): add "acme-libraries"'),
        ("import pulumi", 'pulumi (acme_careless.notifier line 1): add "pulumi"'),
        ("from batchbell.webhook import Webhook", "requests (batchbell.webhook line "),
    ],
)
def test_an_import_that_would_fail_in_the_lambda_is_refused_with_what_to_add(
    site: Path, tmp_path: Path, statement: str, reported: str
) -> None:
    put_distribution(site, "acme-libraries", LIBRARIES)
    plugin = put_plugin(site, "acme_careless", notifier=statement, **{"wording.py": "import acme_lib"})
    with pytest.raises(BundleError) as refused:
        build([plugin], OTHER_PYTHON, cache=tmp_path / "cache")
    why, _, missing = str(refused.value).partition("; ")
    assert why == "notifier pager (folder notifiers/pager) imports modules that would be missing in the Lambda"
    assert reported in missing and "REQUIRES in acme_careless.infrastructure" in missing
    assert not (tmp_path / "cache").exists()


def test_a_notifier_may_not_rely_on_the_requirements_of_another_notifier(site: Path, tmp_path: Path) -> None:
    plugin = put_plugin(site, "acme_borrowing_pager", notifier="import requests")
    with pytest.raises(BundleError, match=r'requests \(acme_borrowing_pager.notifier line 1\): add "requests"'):
        build([find_plugins()["slack"], plugin], OTHER_PYTHON, cache=tmp_path)


IMPORTS_THAT_THE_LAMBDA_HAS = """
import json, xml.etree.ElementTree, winreg
import boto3, botocore.exceptions, dateutil.tz, urllib3
from aws_lambda_powertools import Logger
from batchbell.contract import Message; import batchbell.aws_clients
from acme_space import client; import acme_space.client, acme_lib.anything, acme_native
"""
OPTIONAL_IMPORTS = """
import sys, typing
try:
    import acme_faster
except ImportError:
    import acme_slower
if sys.version_info < (3, 11):
    import tomli
if typing.TYPE_CHECKING:
    import batchbell.provisioning, acme_types
"""


def test_imports_that_the_lambda_has_and_optional_imports_need_no_requirement(site: Path, tmp_path: Path) -> None:
    put_distribution(site, "acme-libraries", LIBRARIES)
    notifier = IMPORTS_THAT_THE_LAMBDA_HAS + OPTIONAL_IMPORTS
    plugin = put_plugin(site, "acme_declaring_pager", notifier=notifier, requires="('acme-libraries',)")
    folder = build([plugin], OTHER_PYTHON, cache=tmp_path)
    assert (folder / "acme_declaring_pager" / "notifier.py").read_text() == notifier
    assert not (folder / "batchbell" / "provisioning.py").exists()


def test_a_namespaces_module_needs_the_distribution_that_has_it(site: Path, tmp_path: Path) -> None:
    put_distribution(site, "acme-libraries", LIBRARIES)
    put_distribution(site, "acme-other", {"acme_space/other/__init__.py": ""})
    notifier = "import acme_space.other"
    plugin = put_plugin(site, "acme_spacious_pager", notifier=notifier, requires="('acme-libraries',)")
    with pytest.raises(BundleError, match=r"acme_space.other \(acme_spacious_pager.notifier line 1\): add"):
        build([plugin], OTHER_PYTHON, cache=tmp_path)


def test_a_module_that_is_not_python_is_named(site: Path, tmp_path: Path) -> None:
    plugin = put_plugin(site, "acme_garbled_pager", notifier="def create(:")
    with pytest.raises(BundleError, match=r"acme_garbled_pager.notifier is not a Python module: .*, line 1: invalid"):
        build([plugin], OTHER_PYTHON, cache=tmp_path)
