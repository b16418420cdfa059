"""The package as two other machines build it: in separate environments, from installed wheels, at different paths."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.installed import Environment, download

BUNDLED = ("aws-lambda-powertools", "jmespath", "typing_extensions")
OF_SLACK = ("requests", "urllib3", "idna", "certifi", "charset-normalizer")
OF_PAGER = ("PyYAML",)
EM_AARCH64 = 183  # ELF's number of the architecture (elf.h)

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
OF_ARM64 = ("3.13", "arm64", "slack", "pager")
ONLY_EMAIL = ("", "", "email")
ONLY_PAGER = ("", "", "pager")

Package = tuple[Path, dict[str, str]]  # its folder, and the digest of each of its files


@pytest.fixture(scope="module")
def wheels(batchbell_wheel: Path, pager_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    folder = tmp_path_factory.mktemp("wheels")
    return [batchbell_wheel, pager_wheel, *download([*BUNDLED, *OF_SLACK, *OF_PAGER], folder)]


@pytest.fixture(scope="module")
def here(wheels: Sequence[Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment.make(tmp_path_factory.mktemp("here") / "venv", *wheels)


@pytest.fixture(scope="module")
def there(wheels: Sequence[Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """At a longer path, installed in another order, and compiled by pip."""
    folder = tmp_path_factory.mktemp("there") / "a longer path" / "of another person"
    return Environment.make(folder / ".venv", *reversed(wheels), compiled=True)


def build(environment: Environment, cwd: Path, *packages: Sequence[str], **variables: str) -> Iterator[Package]:
    """Build packages in one process, since it imports for longer than it builds."""
    cwd.mkdir(parents=True, exist_ok=True)
    result = json.loads(environment.run(BUILD, json.dumps(packages), cwd=cwd, **variables))
    assert set(result["origins"]) == {str(environment.site)}  # not from another environment
    return ((Path(folder), files) for folder, files in result["packages"])


@pytest.fixture(scope="module")
def built(here: Environment, tmp_path_factory: pytest.TempPathFactory) -> dict[Sequence[str], Package]:
    packages = (EVERYTHING, OF_ARM64, ONLY_EMAIL, ONLY_PAGER)
    folder = tmp_path_factory.mktemp("one")
    return dict(zip(packages, build(here, folder, *packages, PYTHONHASHSEED="1"), strict=True))


def test_two_environments_at_different_paths_make_the_same_names_and_contents(
    built: dict[Sequence[str], Package], there: Environment, tmp_path: Path
) -> None:
    _, one = built[EVERYTHING]
    types = ("pager", "sns", "email", "slack")
    ((_, other),) = build(there, tmp_path / "two" / "deeper", ("", "", *types), TZ="Asia/Tokyo", LANG="C")

    assert one == other
    parts = {name.split("/")[0] for name in one}
    assert {"batchbell", "acme_pager", "yaml", "requests", "aws_lambda_powertools"} <= parts


def test_the_package_for_arm64_and_python_3_13_has_native_parts_of_that_platform(
    built: dict[Sequence[str], Package],
) -> None:
    folder, files = built[OF_ARM64]
    native = [folder / name for name in files if ".so" in name]

    assert {path.relative_to(folder).parts[0] for path in native} == {"charset_normalizer", "yaml"}
    for path in native:
        header = path.read_bytes()[:20]
        assert header[:4] == b"\x7fELF"
        assert struct.unpack("<H", header[18:20]) == (EM_AARCH64,), path
        assert ".cpython-313-aarch64-linux-gnu" in path.name


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
