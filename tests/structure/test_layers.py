"""Every test belongs to one layer, and a test of the layer unit starts no process."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.layers import LAYERS, layers_of, no_other_process


def test_every_test_has_one_layer(request: pytest.FixtureRequest) -> None:
    """Of all tests that this session collected."""
    layers = {item.nodeid: layers_of(item) for item in request.session.items}
    assert {test: found for test, found in layers.items() if len(found) != 1} == {}


def test_each_layer_is_a_marker_and_is_explained(project: Path) -> None:
    settings = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]["ini_options"]
    readme = (project / "tests" / "README.md").read_text("utf-8")

    assert settings["markers"] == [f"{name}: {needs}" for name, needs in LAYERS.items()]
    assert [name for name in LAYERS if f"| `{name}` |" not in readme] == []


@pytest.mark.installed
def test_a_process_that_a_unit_test_starts_fails_it() -> None:
    with pytest.raises(pytest.fail.Exception, match="a test of the layer unit started a process"), no_other_process():
        subprocess.run([sys.executable, "-c", ""], check=True)
