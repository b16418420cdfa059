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


def install(program: Path, packages: Path, generator: Path, schema: str) -> Path:
    """Give the program's folder node_modules and the plug-in's SDK, generated and compiled once for each schema.

    Returns a folder that belongs to this schema, this generator and these packages, for `check_types`.
    """
    made_of = "\n".join([packages.parent.name, generator.name, schema])
    cache = cache_folder() / f"sdk-{sha256(made_of.encode()).hexdigest()[:12]}"
    modules, sdk = program / "node_modules", program / "sdks" / "batchbell"
    (modules / "@pulumi").mkdir(parents=True)
    for package in (*packages.iterdir(), *(packages / "@pulumi").iterdir()):
        if package.name != "@pulumi":
            (modules / package.relative_to(packages)).symlink_to(package)
    if cache.exists():
        shutil.copytree(cache / "sdk", sdk)
    else:
        subprocess.run([generator, sdk], input=schema, text=True, check=True)
        subprocess.run(["node", modules / "typescript" / "bin" / "tsc"], cwd=sdk, check=True)
        shutil.copy(sdk / "package.json", sdk / "bin")
        with tempfile.TemporaryDirectory(dir=cache_folder(), prefix="sdk-") as work:
            shutil.copytree(sdk, Path(work) / "made" / "sdk")
            if not cache.exists():
                (Path(work) / "made").rename(cache)
    (modules / "@pulumi" / "batchbell").symlink_to(sdk)
    return cache


def check_types(program: Path, cache: Path) -> None:
    """Let tsc check the program: once for these files and this cache, whose folder is of what they import.

    Raises CalledProcessError.
    """
    files = [(program / name).read_bytes() for name in ("index.ts", "tsconfig.json")]
    checked = cache / f"checked-{sha256(bytes(1).join(files)).hexdigest()[:12]}"
    if not checked.exists():
        subprocess.run(["node", "node_modules/typescript/bin/tsc", "--noEmit"], cwd=program, check=True)
        checked.touch()
