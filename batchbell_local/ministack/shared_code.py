"""Unpacks a function's code once, for all of its processes.

MiniStack unpacks it for each process: with the 900 files of a package, a cold start took 0.7 s of processor time for
that alone (measured). Here a process has a link in place of a copy. It must not write there, and on Lambda it cannot.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import zipfile
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

from ministack.core import lambda_runtime


def install(folder: Path) -> None:
    """Make this process's MiniStack link to unpacked code in `folder`, which is created when it is needed."""
    unpacking = threading.Lock()

    class SharedArchive(zipfile.ZipFile):
        """A package; what it is unpacked into becomes a link."""

        def extractall(
            self,
            path: str | os.PathLike[str] | None = None,
            members: Iterable[str | zipfile.ZipInfo] | None = None,
            pwd: bytes | None = None,
        ) -> None:
            assert path is not None and self.filename and members is None and pwd is None  # how MiniStack calls it
            digest = hashlib.sha256(Path(self.filename).read_bytes()).hexdigest()
            unpacked, unfinished = folder / digest, folder / f"{digest}.unfinished"
            with unpacking:
                if not unpacked.exists():
                    shutil.rmtree(unfinished, ignore_errors=True)  # of an attempt that failed
                    unfinished.mkdir(parents=True)
                    super().extractall(unfinished)
                    unfinished.rename(unpacked)
            os.rmdir(path)
            os.symlink(unpacked, path, target_is_directory=True)

    lambda_runtime.zipfile = SimpleNamespace(**{**vars(zipfile), "ZipFile": SharedArchive})
