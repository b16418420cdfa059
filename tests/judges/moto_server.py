"""moto in server mode: a second cloud, which validates requests on its own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping

from tests.waiting import wait_until

START_LIMIT = 30  # s; about 1.5 s is usual
# Without collecting garbage: it imports much, and does not live long.
PROGRAM = "import gc; gc.disable(); from moto.server import main; main()"


@contextlib.contextmanager
def moto_server() -> Iterator[Mapping[str, str]]:
    """Run moto in a process of its own on a free port of this machine; give the AWS_… variables for boto3."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))},
        "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",  # roles attach some of AWS's
    }
    server = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "-H", "127.0.0.1", "-p", str(port)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: _listens(port), "moto listens", START_LIMIT)
        yield {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "a-key",
            "AWS_SECRET_ACCESS_KEY": "a-secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
    finally:
        server.kill()
        server.wait()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False
