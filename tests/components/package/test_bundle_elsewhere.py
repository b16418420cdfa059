"""The package as two other machines build it: in environments of their own, at different paths."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from components.package.bundle import Runtime, has_compiled_files
from tests.installed import HOST, OTHER_PYTHON, Environment

BUNDLED = ("aws-lambda-powertools", "jmespath", "typing_extensions")
OF_SLACK = ("requests", "urllib3", "idna", "certifi", "charset-normalizer")
OF_PAGER = ("PyYAML",)
COPIED = (*BUNDLED, *OF_SLACK, *OF_PAGER)  # of the environment of these tests
OTHER_MACHINE = Runtime("3.13", "x86_64" if HOST.architecture == "arm64" else "arm64")
ELF_MACHINES = {"arm64": ("aarch64", 183), "x86_64": ("x86_64", 62)}  # name and number of the architecture (elf.h)

# Builds the packages of a list: [[Python version or "", architecture, type, …], …]. Prints where their parts come from,
# and for each package its folder and the digest of each file in it.
BUILD = """
import hashlib, json, sys
from importlib import metadata
from pathlib import Path
from batchbell.components.package.bundle import Runtime, build
from batchbell.plugins import find_plugins
packages = []
for python, architecture, *types in json.loads(sys.argv[1]):
    runtime = Runtime(python, architecture) if python else Runtime.host()
    folder = build([find_plugins()[type_] for type_ in types], runtime)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    digests = {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    packages.append([str(folder), digests])
origins = [str(metadata.distribution(name).locate_file("")) for name in ("jmespath", "requests", "PyYAML")]
print(json.dumps({"origins": origins, "packages": packages}))
"""
EVERYTHING = ("", "", "slack", "email", "sns", "pager")
FOR_ANOTHER_MACHINE = (OTHER_MACHINE.python, OTHER_MACHINE.architecture, "slack", "pager")
ONLY_EMAIL = (OTHER_PYTHON.python, OTHER_PYTHON.architecture, "email")
ONLY_PAGER = ("", "", "pager")

# What may differ in another person's shell.
ELSEWHERE = {"TZ": "Asia/Tokyo", "LANG": "C", "PYTHONHASHSEED": "7", "PYTHONOPTIMIZE": "1"}

Package = tuple[Path, dict[str, str]]  # its folder, and the digest of each of its files


@pytest.fixture(scope="module")
def here(batchbell_wheel: Path, pager_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment.make(tmp_path_factory.mktemp("here") / "venv", batchbell_wheel, pager_wheel)
    for name in COPIED:
        environment.copy(name)
    return environment


@pytest.fixture(scope="module")
def there(batchbell_wheel: Path, pager_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """At a longer path, installed in another order, the pager by pip: its list of files has compiled ones."""
    folder = tmp_path_factory.mktemp("there") / "a longer path" / "of another person"
    environment = Environment.make(folder / ".venv", batchbell_wheel)
    for name in reversed(COPIED):
        environment.copy(name)
    environment.install(pager_wheel, compiled=True)
    return environment


def build(environment: Environment, cwd: Path, *packages: Sequence[str], **variables: str) -> Iterator[Package]:
    """Build packages in one process, since it imports for longer than it builds."""
    cwd.mkdir(parents=True, exist_ok=True)
    result = json.loads(environment.run(BUILD, json.dumps(packages), cwd=cwd, **variables))
    assert set(result["origins"]) == {str(environment.site)}  # not from another environment
    return ((Path(folder), files) for folder, files in result["packages"])


@pytest.fixture(scope="module")
def built(here: Environment, tmp_path_factory: pytest.TempPathFactory) -> dict[Sequence[str], Package]:
    packages = (EVERYTHING, FOR_ANOTHER_MACHINE, ONLY_EMAIL, ONLY_PAGER)
    folder = tmp_path_factory.mktemp("one")
    return dict(zip(packages, build(here, folder, *packages, PYTHONHASHSEED="1"), strict=True))


def test_two_environments_at_different_paths_make_the_same_names_and_contents(
    built: dict[Sequence[str], Package], there: Environment, tmp_path: Path
) -> None:
    _, one = built[EVERYTHING]
    assert list(there.site.glob("acme_pager/__pycache__/notifier.*.pyc"))
    types = ("pager", "sns", "email", "slack")
    ((_, other),) = build(there, tmp_path / "two" / "deeper", ("", "", *types), **ELSEWHERE)

    assert one == other
    parts = {name.split("/")[0] for name in one}
    assert {"batchbell", "acme_pager", "yaml", "requests", "aws_lambda_powertools"} <= parts


def test_the_package_for_another_machine_and_python_3_13_has_native_parts_of_that_platform(
    built: dict[Sequence[str], Package],
) -> None:
    folder, files = built[FOR_ANOTHER_MACHINE]
    native = [folder / name for name in files if ".so" in name]
    architecture, number = ELF_MACHINES[OTHER_MACHINE.architecture]

    assert {path.relative_to(folder).parts[0] for path in native} == {"charset_normalizer", "yaml"}
    for path in native:
        header = path.read_bytes()[:20]
        assert header[:4] == b"\x7fELF"
        assert struct.unpack("<H", header[18:20]) == (number,), path
        assert path.name.endswith(f".cpython-313-{architecture}-linux-gnu.so")
    assert any(name.endswith(".pyc") for name in files) == has_compiled_files(OTHER_MACHINE)
    assert not (folder / "bin").exists()


def test_a_stack_that_only_mails_packages_nothing_of_other_notifiers(built: dict[Sequence[str], Package]) -> None:
    _, files = built[ONLY_EMAIL]
    tops = {name.split("/")[0].partition("-")[0] for name in files if "__pycache__" not in name}

    assert tops == {"batchbell", "aws_lambda_powertools", "jmespath", "typing_extensions.py", "typing_extensions"}
    notifiers = {name for name in files if name.startswith("batchbell/notifiers/") and "__pycache__" not in name}
    of_email = {"email/__init__.py", "email/mailbox.py", "email/notifier.py", "email/page.py", "__init__.py"}
    assert notifiers == {f"batchbell/notifiers/{name}" for name in of_email}


def test_the_package_has_an_installed_wheels_run_time_half_and_its_requirements(
    built: dict[Sequence[str], Package],
) -> None:
    _, files = built[ONLY_PAGER]
    names = {name for name in files if "__pycache__" not in name}

    assert {name for name in names if name.startswith("acme_pager/")} == {
        "acme_pager/__init__.py",
        "acme_pager/notifier.py",
    }
    assert "yaml/__init__.py" in names and "requests/__init__.py" not in names
