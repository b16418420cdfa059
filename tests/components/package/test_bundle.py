from __future__ import annotations

import hashlib
import io
import marshal
import os
import platform
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from importlib import util
from pathlib import Path
from typing import Any

import pytest
from apprise import NotificationManager

from batchbell.plugins import Plugin, find_plugins, notifiers_package
from components.package.bundle import build, has_compiled_files
from tests.installed import HOST, INFRASTRUCTURE, OTHER_PYTHON, put_distribution, put_plugin

pytestmark = pytest.mark.installed  # builds packages with pip

UNCHECKED_HASH = (0b01).to_bytes(4, "little")  # PEP 552: taken as it is, whatever the source's time or content

# What Lambda's runtime has: boto3 and its dependencies.
RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundles")


@pytest.fixture(scope="module")
def everything(cache: Path) -> Path:
    """The package of a stack with all of batchbell's own notifiers, for this machine."""
    return build(own("slack", "email", "sns"), HOST, cache=cache)


@pytest.fixture(scope="module")
def email_only(cache: Path) -> Path:
    return build(own("email"), HOST, cache=cache)


@pytest.fixture(scope="module")
def with_apprise(cache: Path) -> Path:
    return build(own("slack", "email", "sns", "apprise"), HOST, cache=cache)


def own(*types: str) -> list[Plugin]:
    found = find_plugins()
    return [found[type_] for type_ in types]


def link_runtime(folder: Path) -> Path:
    """Link what Lambda's runtime has into a folder for the path."""
    runtime = folder / "runtime"
    runtime.mkdir()
    for package in RUNTIME_PACKAGES:
        spec = util.find_spec(package)
        assert spec is not None and spec.origin is not None
        origin = Path(spec.origin)
        origin = origin.parent if origin.name == "__init__.py" else origin
        (runtime / origin.name).symlink_to(origin)
    return runtime


def run_bare(program: str) -> subprocess.CompletedProcess[str]:
    """Run Python code without site-packages."""
    return subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", program],
        env={"AWS_DEFAULT_REGION": "eu-west-1"},
        capture_output=True,
        text=True,
        check=False,
    )


def names(folder: Path, pattern: str = "*") -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob(pattern) if path.is_file()}


def contents(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names(folder)}


def sources(folder: Path, package: str) -> set[str]:
    return {name for name in names(folder / package) if "__pycache__" not in name}


def test_a_package_holds_the_run_time_halves_and_their_dependencies_and_nothing_else(everything: Path) -> None:
    distributions_in = {"aws_lambda_powertools", "jmespath", "requests", "urllib3", "idna", "certifi"}
    distributions_in |= {"charset_normalizer", "typing_extensions.py"}
    own_code = {"batchbell", notifiers_package()[0].split(".")[0]}
    tops = {path.name for path in everything.iterdir() if not path.name.endswith(".dist-info")}
    assert tops - {"__pycache__"} == distributions_in | own_code
    assert not names(everything, "infrastructure.py") | names(everything, "README.md") | names(everything, "RECORD")

    modules = {name for name in sources(everything, "batchbell") if not name.startswith(("dispatcher/", "notifiers/"))}
    assert modules == {
        "__init__.py",
        "contract.py",
        "aws_clients.py",
        "aws_errors.py",
        "partitions.py",
        "texts.py",
        "time_limit.py",
        "webhook.py",
        "wire.py",
    }
    assert sources(everything, "notifiers") == {
        "__init__.py",
        "email/mailbox.py",
        "email/page.py",
        "slack/blocks.py",
        "slack/bot.py",
        "slack/mentions.py",
        "slack/running.py",
        "slack/web_api.py",
        "sns/chat.py",
        "sns/publication.py",
        *(f"{type_}/{module}.py" for type_ in ("slack", "email", "sns") for module in ("__init__", "notifier")),
    }


def test_parts_of_powertools_that_need_distributions_of_their_own_stay_out(everything: Path) -> None:
    utilities = {path.name for path in (everything / "aws_lambda_powertools" / "utilities").iterdir()}

    assert not {"auth_alpha", "data_masking", "kafka", "parser"} & utilities
    assert {"batch", "idempotency", "parameters"} <= utilities  # a notifier may use them


def test_a_stack_without_slack_does_not_package_requests(email_only: Path) -> None:
    assert not {"requests", "urllib3", "charset_normalizer"} & {path.name for path in email_only.iterdir()}
    assert sources(email_only, "notifiers") == {
        "__init__.py",
        "email/__init__.py",
        "email/mailbox.py",
        "email/notifier.py",
        "email/page.py",
    }
    assert "webhook.py" not in sources(email_only, "batchbell")


def test_apprise_adds_itself_without_what_nothing_imports_and_changes_nothing_else(
    everything: Path, with_apprise: Path
) -> None:
    before = {name: digest for name, digest in contents(everything).items() if not name.endswith(".pyc")}
    after = {name: digest for name, digest in contents(with_apprise).items() if not name.endswith(".pyc")}
    assert before.items() <= after.items()
    assert not [name for name in before if "apprise" in name]
    added = after.keys() - before.keys()
    tops = {name.split("/")[0] for name in added}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "apprise",
        "oauthlib",
        "requests_oauthlib",
        "notifiers",
    }
    assert not [name for name in added if name.startswith(("apprise/i18n/", "apprise/assets/", "apprise/cli"))]


def test_every_plugin_of_apprise_imports_where_only_the_package_and_boto3_are(
    with_apprise: Path, tmp_path: Path
) -> None:
    """But for those whose own package is not there, which the notifier refuses."""
    program = f"import sys; sys.path[:0] = {[str(with_apprise), str(link_runtime(tmp_path))]!r}\n"
    program += "from apprise import NotificationManager\n"
    program += "print(*sorted(one.__name__ for one in NotificationManager().plugins(include_disabled=False)))"
    done = run_bare(program)
    assert done.returncode == 0, done.stderr
    plugins = NotificationManager().plugins(include_disabled=False)
    complete = {plugin.__name__ for plugin in plugins if not plugin.requirements.get("packages_required")}
    assert {*done.stdout.split()} == complete


@pytest.mark.parametrize("which", ["everything", "email_only"])
def test_each_of_our_modules_imports_where_only_the_package_and_boto3_are(
    which: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(which)
    modules = [name for top in ("batchbell", "notifiers") for name in names(folder, f"{top}/**/*.py")]
    dotted = sorted(name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in modules)
    program = f"import sys, importlib; sys.path[:0] = {[str(folder), str(link_runtime(tmp_path))]!r}\n"
    program += f"for name in {dotted!r}: importlib.import_module(name)"
    done = run_bare(program)
    assert done.returncode == 0, done.stderr


def test_a_second_build_does_not_call_pip_and_writes_nothing(
    everything: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("started a process")

    monkeypatch.setattr(subprocess, "run", refuse)
    before = {path: path.stat().st_mtime_ns for path in (cache, *cache.rglob("*"))}
    assert build(own("sns", "slack", "email", "slack"), HOST, cache=cache) == everything
    assert {path: path.stat().st_mtime_ns for path in (cache, *cache.rglob("*"))} == before


def test_git_ignores_the_packages_in_a_programs_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = build(own("email"), OTHER_PYTHON)

    assert folder.parent == tmp_path / ".batchbell" / "bundle"
    assert (tmp_path / ".batchbell" / ".gitignore").read_text() == "*\n"


def test_only_the_runtimes_own_python_version_adds_compiled_files(email_only: Path, cache: Path) -> None:
    assert has_compiled_files(HOST) and not has_compiled_files(OTHER_PYTHON)
    compiled = Path(util.cache_from_source(str(email_only / "batchbell" / "contract.py"))).read_bytes()
    assert compiled[:8] == util.MAGIC_NUMBER + UNCHECKED_HASH
    assert marshal.loads(compiled[16:]).co_filename == "/var/task/batchbell/contract.py"
    assert not names(build(own("email"), OTHER_PYTHON, cache=cache), "*.pyc")


def test_the_package_has_a_distributions_files_except_those_for_deploy_time(site: Path, tmp_path: Path) -> None:
    files = {
        "acme_installed/__init__.py": "",
        "acme_installed/pager/__init__.py": "",
        "acme_installed/pager/notifier.py": "from batchbell.contract import Message",
        "acme_installed/pager/infrastructure.py": INFRASTRUCTURE,
        "acme_installed/pager/preview.py": "from batchbell.preview import Preview",
        "acme_installed/pager/texts.json": "{}",
    }
    put_distribution(site, "acme_installed", files, requires="Requires-Dist: pulumi\nRequires-Dist: batchbell\n")
    folder = build([Plugin("pager", "acme_installed.pager", "acme_installed")], OTHER_PYTHON, cache=tmp_path)
    assert sources(folder, "acme_installed") == {
        "__init__.py",
        "pager/__init__.py",
        "pager/notifier.py",
        "pager/texts.json",
    }
    assert (folder / "acme_installed-1.0.dist-info" / "METADATA").is_file()
    assert not {"pulumi", "notifiers"} & {path.name for path in folder.iterdir()}


def test_a_changed_source_makes_another_package(site: Path, tmp_path: Path) -> None:
    plugin = put_plugin(site, "acme_changing_pager")
    before = build([plugin], OTHER_PYTHON, cache=tmp_path)
    (site / "acme_changing_pager" / "notifier.py").write_text("CHANGED = True")
    after = build([plugin], OTHER_PYTHON, cache=tmp_path)
    assert after != before
    assert (after / "acme_changing_pager" / "notifier.py").read_text() == "CHANGED = True"


def test_concurrent_builds_make_one_complete_package(email_only: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        folders = list(pool.map(lambda _: build(own("email"), HOST, cache=tmp_path), range(3)))
    assert list(tmp_path.iterdir()) == [folders[0]]
    assert contents(folders[0]) == contents(email_only)


def test_packages_that_are_no_longer_used_are_removed(site: Path, tmp_path: Path) -> None:
    month_ago = time.time() - 30 * 24 * 3600
    cache = tmp_path / "cache"
    for name in ("old", ".making-killed"):
        (cache / name).mkdir(parents=True)
        os.utime(cache / name, (month_ago, month_ago))
    folder = build([put_plugin(site, "acme_sweeping_pager")], OTHER_PYTHON, cache=cache)
    assert list(cache.iterdir()) == [folder]


def test_the_largest_package_stays_small(everything: Path) -> None:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names(everything):
            archive.write(everything / name, name)
    assert len(zipped.getvalue()) < 3_000_000


def test_the_host_runtime_is_this_python() -> None:
    assert HOST.python == ".".join(platform.python_version_tuple()[:2])
    assert HOST.architecture in ("arm64", "x86_64")
