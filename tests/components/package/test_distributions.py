"""Third-party distributions for the Lambda: which ones, at which versions, and which are refused."""

from __future__ import annotations

import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from batchbell.plugins import Plugin
from components.package import distributions
from components.package.bundle import BundleError, Runtime, build
from tests.installed import HOST, OTHER_PYTHON, put_distribution, put_plugin

pytestmark = pytest.mark.installed  # builds packages with pip


def test_only_the_native_distribution_without_a_wheel_is_named_and_nothing_is_left_behind(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("acme_has", "acme_lacks"):
        put_distribution(site, name, {}, WHEEL="Wheel-Version: 1.0\nTag: cp313-cp313-macosx_11_0_arm64\n")
    info = "acme_has-1.0.dist-info"
    with zipfile.ZipFile(tmp_path / "acme_has-1.0-cp313-cp313-manylinux_2_17_aarch64.whl", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: acme_has\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: cp313-cp313-manylinux_2_17_aarch64\n")
        wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    plugin = put_plugin(site, "acme_native_pager", requires="('acme_has', 'acme_lacks')")
    platform = r"python3\.13 on arm64 \(manylinux, glibc 2.34 or older\)"
    with pytest.raises(BundleError, match=rf"^no wheels of acme_lacks==1\.0 for {platform}"):
        build([plugin], Runtime("3.13", "arm64"), cache=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_requirement_that_is_not_installed_is_named_with_its_notifier(site: Path, tmp_path: Path) -> None:
    plugin = put_plugin(site, "acme_lacking_pager", requires="('acme-not-here',)")
    with pytest.raises(BundleError, match=r"acme-not-here, which notifier pager .* pip install acme-not-here"):
        build([plugin], HOST, cache=tmp_path)


def test_an_editable_install_is_refused_with_the_command_that_fixes_it(site: Path, tmp_path: Path) -> None:
    origin = '{"url": "file:///src/acme%20client", "dir_info": {"editable": true}}'
    put_distribution(site, "acme_client", {}, direct_url_json=origin)
    plugin = put_plugin(site, "acme_editable_pager", requires="('acme_client',)")
    with pytest.raises(BundleError, match=r"acme_client is an editable install.*pip install '/src/acme client'"):
        build([plugin], HOST, cache=tmp_path)


def test_an_editable_notifier_is_refused_with_the_command_that_fixes_it(site: Path, tmp_path: Path) -> None:
    """Its files are elsewhere, and found through a .pth file."""
    origin = '{"url": "file:///src/acme_pager", "dir_info": {"editable": true}}'
    put_plugin(site, "acme_developed_pager")
    put_distribution(site, "acme-developed", {"_acme.pth": "/src"}, direct_url_json=origin)
    with pytest.raises(BundleError, match=r"acme-developed is an editable install.*: pip install /src/acme_pager"):
        build([Plugin("pager", "acme_developed_pager", "acme-developed", "1.0")], HOST, cache=tmp_path)


def test_a_notifier_whose_distribution_lacks_its_files_is_refused(site: Path, tmp_path: Path) -> None:
    put_plugin(site, "acme_moved_pager")
    put_distribution(site, "acme-moved", {})
    with pytest.raises(BundleError, match=r"acme_moved_pager\.notifier is missing: no file of"):
        build([Plugin("pager", "acme_moved_pager", "acme-moved", "1.0")], HOST, cache=tmp_path)


def test_a_version_that_the_notifier_does_not_accept_is_refused(site: Path, tmp_path: Path) -> None:
    put_distribution(site, "acme_versioned", {})
    plugin = put_plugin(site, "acme_choosy_pager", requires="('acme_versioned>=2',)")
    with pytest.raises(
        BundleError, match=r"pager\) needs acme_versioned>=2 .* 1.0 is installed: pip install 'acme_ver"
    ):
        build([plugin], HOST, cache=tmp_path)


def test_a_requirement_for_another_machine_is_left_out(site: Path, tmp_path: Path) -> None:
    requires = """('acme_not_here; python_version < "3.0"', 'acme_here; sys_platform == "linux"')"""
    put_distribution(site, "acme_here", {"acme_here.py": ""})
    folder = build([put_plugin(site, "acme_conditional_pager", requires=requires)], OTHER_PYTHON, cache=tmp_path)
    assert (folder / "acme_here.py").exists()


def test_a_distribution_that_would_hide_the_standard_library_is_refused(site: Path, tmp_path: Path) -> None:
    put_distribution(site, "acme_shadow", {"email/__init__.py": ""})
    plugin = put_plugin(site, "acme_shadowing_pager", requires="('acme_shadow',)")
    with pytest.raises(BundleError, match="hide Python's own module email"):
        build([plugin], HOST, cache=tmp_path)


def test_requirements_follow_the_runtimes_markers_and_the_extras_asked_for(site: Path) -> None:
    conditions = {
        "old": 'python_version < "3.12"',
        "arm": 'platform_machine == "aarch64"',
        "windows": 'sys_platform == "win32"',
        "asked": 'extra == "more"',
        "not_asked": 'extra == "other"',
    }
    requires = "".join(f"Requires-Dist: acme_{name}; {marker}\n" for name, marker in conditions.items())
    put_distribution(site, "acme_root", {}, requires=f"{requires}Requires-Dist: boto3\n")
    for name in conditions:
        put_distribution(site, f"acme_{name}", {})

    def found(runtime: Runtime) -> list[str]:
        return list(distributions.required({"acme_root[more]": "a test"}, runtime))

    assert found(Runtime("3.13", "arm64")) == ["acme-arm", "acme-asked", "acme-root"]
    assert found(Runtime("3.11", "x86_64")) == ["acme-asked", "acme-old", "acme-root"]


@pytest.mark.parametrize(
    ("tag", "runtime", "runs"),
    [
        ("py2.py3-none-any", Runtime("3.13", "arm64"), True),
        ("cp313-cp313-manylinux_2_34_x86_64", Runtime("3.13", "x86_64"), True),
        ("cp39-abi3-manylinux2014_aarch64", Runtime("3.13", "arm64"), True),
        ("cp313-cp313-manylinux_2_35_x86_64", Runtime("3.13", "x86_64"), False),  # newer than the runtime's glibc
        ("cp311-cp311-manylinux_2_28_x86_64", Runtime("3.11", "x86_64"), False),  # Amazon Linux 2 has 2.26
        ("cp313-cp313-linux_x86_64", Runtime("3.13", "x86_64"), False),  # built here, against an unknown glibc
        ("cp313-cp313-macosx_11_0_arm64", Runtime("3.13", "arm64"), False),
        ("cp312-cp312-manylinux_2_17_aarch64", Runtime("3.13", "arm64"), False),
    ],
)
def test_installed_files_are_used_only_if_they_run_there(site: Path, tag: str, runtime: Runtime, runs: bool) -> None:
    put_distribution(site, "acme_tagged", {}, WHEEL=f"Wheel-Version: 1.0\nTag: {tag}\n")
    assert distributions.runs_on(metadata.distribution("acme_tagged"), runtime) is runs
