from __future__ import annotations

import io
import os
import zipfile

import pytest

from batchbell_local.pulumi.resources import archives
from batchbell_local.pulumi.resources.property_values import ARCHIVE, ASSET, SIGNATURE


def folder(path):
    return {SIGNATURE: ARCHIVE, "path": str(path)}


def text(content):
    return {SIGNATURE: ASSET, "text": content}


def of(**assets):
    return {SIGNATURE: ARCHIVE, "assets": assets}


def unpacked(archive):
    with zipfile.ZipFile(io.BytesIO(archives.zip_bytes(archive))) as file:
        return {name: file.read(name).decode() for name in file.namelist()}


@pytest.fixture
def code(tmp_path):
    (tmp_path / "code" / "package").mkdir(parents=True)
    (tmp_path / "code" / "app.py").write_text("app")
    (tmp_path / "code" / "package" / "part.py").write_text("part")
    return tmp_path / "code"


def test_a_folder_at_the_dot_is_merged_into_the_root(code):
    archive = of(**{".": folder(code), "manifest.json": text("{}")})
    assert unpacked(archive) == {"app.py": "app", "package/part.py": "part", "manifest.json": "{}"}


def test_a_folder_under_a_name_keeps_the_name(code):
    assert set(unpacked(of(lib=folder(code)))) == {"lib/app.py", "lib/package/part.py"}


def test_a_zip_file_is_packed_with_its_content(code, tmp_path):
    (tmp_path / "ready.zip").write_bytes(archives.zip_bytes(folder(code)))
    assert unpacked(folder(tmp_path / "ready.zip")) == unpacked(folder(code))


def test_the_same_contents_give_the_same_bytes_whenever_they_were_written(code, tmp_path):
    first = archives.zip_bytes(folder(code))
    os.utime(code / "app.py", (1_000_000_000, 1_000_000_000))
    assert archives.zip_bytes(folder(code)) == first
    with zipfile.ZipFile(io.BytesIO(first)) as file:
        assert {info.date_time for info in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert archives.zip_bytes(of(b=text("2"), a=text("1"))) == archives.zip_bytes(of(a=text("1"), b=text("2")))


def test_the_digest_follows_names_and_contents(code):
    assert archives.digest(of(a=text("1"))) == archives.digest(of(a=text("1")))
    assert archives.digest(of(a=text("1"))) != archives.digest(of(a=text("2")))
    assert archives.digest(of(a=text("1"))) != archives.digest(of(b=text("1")))


def test_an_executable_file_stays_executable(code):
    (code / "run").write_text("#!/bin/sh")
    (code / "run").chmod(0o755)
    with zipfile.ZipFile(io.BytesIO(archives.zip_bytes(folder(code)))) as file:
        assert file.getinfo("run").external_attr >> 16 == 0o755
        assert file.getinfo("app.py").external_attr >> 16 == 0o644


def test_a_remote_archive_is_refused():
    with pytest.raises(ValueError, match="remote"):
        archives.zip_bytes({SIGNATURE: ARCHIVE, "uri": "https://example.com/a.zip"})
