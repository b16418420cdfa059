"""Makes a TypeScript program ready to run, as `pulumi install` does: the plug-in's SDK, and what npm installs."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from hashlib import sha256
from pathlib import Path

import pytest

from tests.engine.cli.build import cache_folder, must_run

PINNED = Path(__file__).with_name("node")


def installed_packages() -> Path:
    """Return a node_modules with the pinned packages, which npm installs once for all checkouts.

    Without Node and npm the test that asks is skipped; with CI=true it fails.
    """
    lock = (PINNED / "package-lock.json").read_bytes()
    folder = cache_folder() / f"node-{sha256(lock).hexdigest()[:12]}"
    if not (shutil.which("node") and shutil.which("npm")):
        (pytest.fail if must_run() else pytest.skip)("a TypeScript program needs `node` and `npm` on PATH")
    if not folder.exists():
        cache_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache_folder(), prefix="npm-") as work:
            shutil.copytree(PINNED, Path(work) / "node")
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(command, cwd=Path(work) / "node", check=True, capture_output=True)
            if not folder.exists():
                (Path(work) / "node").rename(folder)
    return folder / "node_modules"


def install(program: Path, packages: Path, generator: Path, schema: str) -> None:
    """Generate and compile the plug-in's SDK in the program's folder, and give it node_modules."""
    modules, sdk = program / "node_modules", program / "sdks" / "batchbell"
    (modules / "@pulumi").mkdir(parents=True)
    for package in (*packages.iterdir(), *(packages / "@pulumi").iterdir()):
        if package.name != "@pulumi":
            (modules / package.relative_to(packages)).symlink_to(package)
    subprocess.run([generator, sdk], input=schema, text=True, check=True)
    subprocess.run(["node", modules / "typescript" / "bin" / "tsc"], cwd=sdk, check=True)
    shutil.copy(sdk / "package.json", sdk / "bin")
    (modules / "@pulumi" / "batchbell").symlink_to(sdk)
