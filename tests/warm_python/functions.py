"""A Python as functions have it, which forks itself for the processes of functions that have this project's package.

Most of the time until such a process has handled its first event goes into boto3 and the distributions of its package
(measured: 0.3 of 0.5 s). Here they are imported once for all packages that have the very same files of distributions,
from a copy of these. What this project wrote, each process imports itself, from its own package.

It runs as `python -I -S -B -X utf8 functions.py SOCKET FOLDER`: it listens on SOCKET, a path, keeps files in FOLDER,
and ends with its standard input. Each connection brings an order in JSON with the standard streams of the new process,
and gets the process's id, or -1 if the process cannot be forked.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from taking_over import run, take  # type: ignore[import-not-found]

del sys.path[0], sys.modules["taking_over"]

OWN_CODE = ("batchbell", "notifiers", "manifest.json", "__pycache__")  # of a package's first level
IMPORTED = ("botocore.handlers", "botocore.httpsession", "boto3.session", "s3transfer.manager")
IMPORTED_IF_PACKAGED = ("aws_lambda_powertools.logging", "requests")
SERVICES = ("dynamodb", "sqs", "ssm")  # of which every function has a client
ORDER_LIMIT = 100_000  # bytes


def main() -> None:
    path, folder = sys.argv[1], Path(sys.argv[2])
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind(path)
    listening.listen(64)
    print(flush=True)  # it listens
    templates: dict[frozenset[tuple[str, int]], socket.socket] = {}
    while listening in select.select([listening, sys.stdin], [], [])[0]:
        connection, _ = listening.accept()
        text, streams, _, _ = socket.recv_fds(connection, ORDER_LIMIT, 3)
        order = json.loads(text)
        archive = Path(order["script"]).with_name("code.zip")  # beside it, as MiniStack writes it
        files = _files_of_distributions(archive)
        if files not in templates:
            listening_too = [listening, connection, *templates.values()]
            templates[files] = _start_template(folder / str(len(templates)), archive, order, listening_too)
        socket.send_fds(templates[files], [text], streams)
        with contextlib.suppress(OSError):  # whoever asked may have ended
            connection.send(templates[files].recv(32))
        connection.close()
        for descriptor in streams:
            os.close(descriptor)


def _files_of_distributions(archive: Path) -> frozenset[tuple[str, int]]:
    """The name and the checksum of each file that this project did not write."""
    with zipfile.ZipFile(archive) as package:
        return frozenset((one.filename, one.CRC) for one in package.infolist() if not _is_own(one.filename))


def _is_own(file: str) -> bool:
    return file.split("/")[0] in OWN_CODE


def _start_template(folder: Path, archive: Path, order: dict[str, Any], not_its: list[socket.socket]) -> socket.socket:
    """Start the process that forks itself for packages with these files; return the socket that takes its orders."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork():
        theirs.close()
        return ours
    for one in (ours, *not_its):
        one.close()
    can_fork = False
    with contextlib.suppress(Exception):  # a package that lacks something: its function is to say so
        _import_distributions(folder, archive, Path(order["runtime"]))
        can_fork = True
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody has to wait for its children
    while True:
        text, streams, _, _ = socket.recv_fds(theirs, ORDER_LIMIT, 3)
        if not text:
            os._exit(0)
        process = os.fork() if can_fork else -1
        if process == 0:
            _become(json.loads(text), streams)
        theirs.send(str(process).encode())
        for descriptor in streams:
            os.close(descriptor)


def _import_distributions(folder: Path, archive: Path, runtime: Path) -> None:
    """Import what functions with these files import of them and of Lambda's own packages."""
    packaged = folder / "packaged"
    with zipfile.ZipFile(archive) as package:
        package.extractall(packaged, [name for name in package.namelist() if not _is_own(name)])
    lambdas = folder / "runtime"
    lambdas.mkdir()
    for link in runtime.iterdir():
        (lambdas / link.name).symlink_to(link.resolve())
    usual = list(sys.path)
    sys.path[:0] = [str(packaged), str(lambdas)]
    top_levels = {path.name for path in packaged.iterdir()}
    for module in (*IMPORTED, *(one for one in IMPORTED_IF_PACKAGED if one.split(".")[0] in top_levels)):
        importlib.import_module(module)
    sys.path.insert(0, str(Path(__file__).parent))
    _make_clients()
    del sys.modules["aws_models"]
    sys.path[:] = usual
    gc.collect()
    gc.freeze()  # else each process copies the memory of all that was imported, when it collects garbage


def _make_clients() -> None:
    from boto3.session import Session

    remember_models = importlib.import_module("aws_models").remember_models
    remember_models()
    session = Session(aws_access_key_id="none", aws_secret_access_key="none", region_name="us-east-1")
    for service in SERVICES:
        session.client(service)


def _become(order: dict[str, Any], streams: list[int]) -> None:
    """Run the order's script as a new Python would, and end with its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    take(streams, [0, 1, 2])
    sys.stdin = sys.__stdin__ = os.fdopen(0, encoding="utf-8", errors="surrogateescape")  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", encoding="utf-8", errors="surrogateescape")  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = os.fdopen(  # type: ignore[misc]
        2, "w", encoding="utf-8", buffering=1, errors="backslashreplace"
    )
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    tempfile.tempdir = None  # of its own variables
    sys.argv = [order["script"]]
    os._exit(run(None, order["script"]))


if __name__ == "__main__":
    main()
