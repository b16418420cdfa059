"""Turns Pulumi archives and assets (wire form) into zip bytes for Lambda's Code.ZipFile, and into digests to compare.

The same names and contents give the same bytes on every machine: entries are sorted, times fixed, and of a file's mode
only "executable" is kept.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .property_values import ARCHIVE, ASSET, SIGNATURE

QUICKLY = 1  # zlib's level: a package of a few MB takes half the time, and grows by a tenth (measured)
EARLIEST_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Entry:
    """One file of an archive."""

    content: bytes
    executable: bool = False


def is_archive(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get(SIGNATURE) in (ARCHIVE, ASSET)


def zip_bytes(archive: Mapping[str, Any]) -> bytes:
    """The archive as a zip file. Raises ValueError for a remote archive and FileNotFoundError for a missing path."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, entry in sorted(entries(archive).items()):
            info = zipfile.ZipInfo(name, EARLIEST_ZIP_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (0o755 if entry.executable else 0o644) << 16
            file.writestr(info, entry.content, compresslevel=QUICKLY)
    return buffer.getvalue()


def digest(archive: Mapping[str, Any]) -> str:
    """The archive's own hash (the engine's Diff sends nothing else), or a hash of its names and contents."""
    if archive.get("hash"):
        return str(archive["hash"])
    total = hashlib.sha256()
    for name, entry in sorted(entries(archive).items()):
        total.update(name.encode() + b"\0" + hashlib.sha256(entry.content).digest())
    return total.hexdigest()


def entries(archive: Mapping[str, Any]) -> dict[str, Entry]:
    """The files by path. The files of a nested archive are in a folder named after its key; "." is the root."""
    if archive.get("assets") is not None:
        return _merged(archive["assets"])
    if archive.get("path") is not None:
        path = Path(str(archive["path"]))
        return _folder(path) if path.is_dir() else _zip_file(path)
    raise ValueError("remote archives are not supported: give a folder, a zip file or assets")


def _merged(assets: Mapping[str, Any]) -> dict[str, Entry]:
    files: dict[str, Entry] = {}
    for key, item in assets.items():
        prefix = key.strip("/")
        if item.get(SIGNATURE) == ASSET:
            files[prefix] = _asset(item)
        else:
            folder = "" if prefix in ("", ".") else prefix + "/"
            files.update({folder + name: entry for name, entry in entries(item).items()})
    return files


def _asset(asset: Mapping[str, Any]) -> Entry:
    if asset.get("text") is not None:
        return Entry(str(asset["text"]).encode())
    if asset.get("path") is not None:
        return _file(Path(str(asset["path"])))
    raise ValueError("remote assets are not supported: give a file or a text")


def _folder(path: Path) -> dict[str, Entry]:
    return {file.relative_to(path).as_posix(): _file(file) for file in path.rglob("*") if file.is_file()}


def _file(path: Path) -> Entry:
    return Entry(path.read_bytes(), executable=bool(path.stat().st_mode & 0o100))


def _zip_file(path: Path) -> dict[str, Entry]:
    with zipfile.ZipFile(path) as file:
        return {
            info.filename: Entry(file.read(info), executable=bool(info.external_attr >> 16 & 0o100))
            for info in file.infolist()
            if not info.is_dir()
        }
