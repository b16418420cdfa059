"""Makes a function's package as Lambda has it: unpacked, with its manifest, and read-only."""

from __future__ import annotations

import compileall
import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from batchbell.plugins import find_plugins
from batchbell.wire import MANIFEST, ManifestEntry
from batchbell_local.ministack.functions import RUNTIME_PACKAGES, link_packages
from components.package.bundle import Runtime, build

HANDLER = "batchbell.dispatcher.handler.handler"
SETTINGS: dict[str, dict[str, Any]] = {
    "slack": {},
    "apprise": {},
    "email": {"sender": "batch@example.com", "recipients": ["team@example.com"]},
    "sns": {"topic_arn": "arn:aws:sns:us-east-1:123456789012:bench"},
}
SECRETS: dict[str, dict[str, Mapping[str, str]]] = {
    "slack": {"webhook": {"ssm": "arn:aws:ssm:us-east-1:123456789012:parameter/bench/webhook"}},
    "apprise": {"url": {"ssm": "arn:aws:ssm:us-east-1:123456789012:parameter/bench/apprise"}},
}
BY_HAND = Path(__file__).with_name("by_hand")
REQUESTS = ("requests", "urllib3", "idna", "certifi", "charset_normalizer")  # and what it needs
# Lambda's image also has the client of the runtime endpoint and its dependencies.
RUNTIME_CLIENT = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")


def make_bundle(cache: Path, *types: str) -> Path:
    """Build the folder that a deploy with these notifiers would upload."""
    plugins = find_plugins()
    return build([plugins[type_] for type_ in types], Runtime.host(), cache=cache)


def unpack(bundle: Path, folder: Path, ca_bundle: Path, manifest: Sequence[ManifestEntry]) -> Path:
    """Copy the bundle and add a manifest, for one function.

    The only other change: `requests` trusts the authorities in `ca_bundle`.
    """
    shutil.copytree(bundle, folder)
    if (trusted := folder / "certifi" / "cacert.pem").exists():
        trusted.write_bytes(ca_bundle.read_bytes())
    (folder / MANIFEST).write_text(json.dumps({"instances": list(manifest)}), encoding="utf-8")
    return _read_only(folder)


def unpack_by_hand(script: str, folder: Path, bundle: Path, ca_bundle: Path) -> Path:
    """Make the package of a function that is written by hand: the script and, if it imports requests, its files.

    script: a name in bench/by_hand
    bundle: the folder that a deploy uploads, with the same requests
    """
    folder.mkdir(parents=True)
    shutil.copy(BY_HAND / f"{script}.py", folder)
    if "import requests\n" in (BY_HAND / f"{script}.py").read_text("utf-8"):
        for package in (path for path in bundle.iterdir() if path.name.startswith(REQUESTS)):
            if package.is_dir():
                shutil.copytree(package, folder / package.name)
            else:
                shutil.copy(package, folder)
        (folder / "certifi" / "cacert.pem").write_bytes(ca_bundle.read_bytes())
    compileall.compile_dir(folder, quiet=2)
    return _read_only(folder)


def manifest_entry(type_: str, name: str = "") -> ManifestEntry:
    """Make the manifest's entry for an instance of one of our notifiers."""
    plugin = find_plugins()[type_]
    return {
        "name": name or type_,
        "module": plugin.notifier_module,
        "statuses": [],
        "jobs": [],
        "digest_after": plugin.digest_after(),
        "settings": SETTINGS[type_],
        "secrets": SECRETS.get(type_, {}),
    }


def link_runtime(folder: Path) -> Path:
    """Link the packages that Lambda's image provides into the folder, compiled as they are there."""
    for source in link_packages(folder, (*RUNTIME_PACKAGES, *RUNTIME_CLIENT)):
        if source.is_dir():
            compileall.compile_dir(source, quiet=2)
        elif source.suffix == ".py":
            compileall.compile_file(source, quiet=2)
    return folder


def digest(folder: Path) -> str:
    """Return a digest of the names and contents in the folder."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        found.update(path.relative_to(folder).as_posix().encode() + b"\0")
        if path.is_file():
            found.update(path.read_bytes())
    return found.hexdigest()


def _read_only(folder: Path) -> Path:
    """Make the folder read-only. Root can still write: Python runs with -B, and `digest` shows any change."""
    for path in [folder, *folder.rglob("*")]:
        os.chmod(path, path.stat().st_mode & ~0o222)
    return folder
