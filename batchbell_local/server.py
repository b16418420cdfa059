"""Serves the local AWS, MiniStack with its extensions, on one port of 127.0.0.1.

`LocalCloud` starts it as `python -m batchbell_local.server --socket N --folder DIR`. It ends on SIGTERM, on SIGINT, and
when the process that started it is gone, and kills everything that it started.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import select
import shutil
import signal
import socket
import sys
import threading
from pathlib import Path

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
# MiniStack uses the key pair in its own environment for the account's root user. It is valid nowhere else.
ROOT_ACCESS_KEY = "LOCALCLOUDROOTKEY"
ROOT_SECRET_KEY = "local-cloud-only"

PARENT_CHECK = 1.0  # seconds between checks that the starting process still exists
CONNECTION_BACKLOG = 128


def main() -> None:
    """Serve until a signal arrives or the starting process is gone; exit with 0."""
    arguments = _parse_arguments()
    folder: Path = arguments.folder
    listening = socket.socket(fileno=arguments.socket)
    port: int = listening.getsockname()[1]
    listening.detach()  # hypercorn owns the descriptor from here

    ending, orphaned = threading.Event(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    threading.Thread(target=_watch_parent, args=(ending, orphaned), daemon=True, name="parent").start()

    _configure_ministack(port, folder)
    from ministack import app as ministack_app

    from batchbell_local.control_api import ControlApi
    from batchbell_local.ministack import (
        batch,
        default_vpc,
        deploying_permissions,
        event_source_mappings,
        functions,
        metric_alarms,
        move_tasks,
        permissions,
        queue_locks,
        rule_targets,
        schedules,
        sent_mail,
        service_models,
        shared_code,
        volume_keys,
    )
    from batchbell_local.ministack.withheld_events import withheld_events

    service_models.install()
    queue_locks.install()
    move_tasks.install()
    rule_targets.install()
    withheld_events.install()
    schedules.install()
    event_source_mappings.install()
    permissions.install()
    sent_mail.install()
    deploying_permissions.install()
    functions.install(folder / "functions")
    shared_code.install(folder / "code")
    metric_alarms.install()
    batch.install()
    default_vpc.install()
    volume_keys.install()

    left_behind = None if arguments.keep_folder else folder
    threading.Thread(target=_end, args=(ending, orphaned, left_behind), daemon=True, name="ending").start()
    asyncio.run(_serve(ControlApi(ministack_app.app, ACCOUNT_ID, REGION), arguments.socket))


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m batchbell_local.server", description=__doc__)
    parser.add_argument("--socket", type=int, required=True, help="descriptor of a bound, listening socket")
    parser.add_argument("--folder", type=Path, required=True, help="holds all of its files")
    parser.add_argument("--keep-folder", action="store_true", help="do not remove the folder at the end")
    return parser.parse_args()


def _configure_ministack(port: int, folder: Path) -> None:
    """Set the variables that MiniStack reads when it is imported."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    os.environ.update(
        {
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",  # part of queue URLs; `localhost` would be tried on ::1 first
            "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
            "MINISTACK_REGION": REGION,
            "AUTH": "true",
            "AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_SECRET_KEY,
            "LOG_LEVEL": "INFO",
            "IOT_MTLS_ENABLED": "0",  # would open port 8883 on every interface
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": f"unix://{folder / 'no-docker.sock'}",
            "S3_DATA_DIR": str(folder / "s3"),
            "STATE_DIR": str(folder / "state"),
            "TMPDIR": str(temporary),
        }
    )


async def _serve(application: object, descriptor: int) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"fd://{descriptor}"]
    config.backlog = CONNECTION_BACKLOG
    config.keep_alive_timeout = 75.0  # longer than botocore keeps an idle connection
    config.loglevel = "WARNING"
    # The trigger never fires: `_end` ends the process, without waiting for open connections.
    await serve(application, config, shutdown_trigger=asyncio.Event().wait)  # type: ignore[arg-type]


def _watch_parent(ending: threading.Event, orphaned: threading.Event) -> None:
    """Set both events when the starting process, which holds the other end of stdin, is gone."""
    parent = os.getppid()
    # A fork of it may keep that end open, so check the parent's id as well.
    while os.getppid() == parent:
        readable, _, _ = select.select([sys.stdin], [], [], PARENT_CHECK)
        if readable and not os.read(sys.stdin.fileno(), 1024):
            break
    orphaned.set()
    ending.set()


def _end(ending: threading.Event, orphaned: threading.Event, left_behind: Path | None) -> None:
    """Wait for the end, kill what was started, and exit at once.

    Nothing is saved and no connection is drained: all state is in memory. Nothing else removes the folder of an orphan.
    """
    from batchbell_local.ministack import batch, functions

    ending.wait()
    try:
        batch.stop()
        functions.stop()
        if orphaned.is_set() and left_behind is not None:
            shutil.rmtree(left_behind, ignore_errors=True)
    finally:
        os._exit(0)  # MiniStack's worker threads are not daemons: a normal exit would wait for them


if __name__ == "__main__":
    main()
