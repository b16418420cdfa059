"""Prometheus Alertmanager: each finished job is an alert of its own group, sent as soon as it comes."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchbell_local.slack.sink import SlackSink
from bench.peers.program import OneProcess
from bench.peers.sink import Arrivals

READY_TIMEOUT = 30.0  # s
POLL_INTERVAL = 0.01  # s
GROUP_INTERVAL = 10  # s: how long a message is repeated before the group's next turn; by default 5 minutes


@dataclass
class Alertmanager(OneProcess):
    """A process with its API on a port of 127.0.0.1."""

    path: Path
    folder: Path
    arrivals: Arrivals
    port: int
    name: str = "Alertmanager"

    def notify(self, names: Sequence[str]) -> None:
        alerts = [
            {
                "labels": {"alertname": "ArrayJobFinished", "job": name},
                "annotations": {"summary": f"The array job {name} has finished."},
            }
            for name in names
        ]
        status = self._call("POST", "/api/v2/alerts", alerts)
        if status != http.client.OK:
            raise RuntimeError(f"Alertmanager refused the alerts: status {status}")

    def start(self) -> None:
        """Start it, and wait until it takes alerts."""
        self._process = subprocess.Popen(
            [
                str(self.path),
                f"--config.file={self.folder / 'config.yml'}",
                f"--storage.path={self.folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--cluster.listen-address=",
            ],
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "log").open("ab"),
        )
        deadline = time.monotonic() + READY_TIMEOUT
        while not self._is_ready():
            if time.monotonic() > deadline or self._process.poll() is not None:
                log = (self.folder / "log").read_text("utf-8", "replace")
                raise RuntimeError(f"Alertmanager did not start: {log[-1000:]}")
            time.sleep(POLL_INTERVAL)

    def _is_ready(self) -> bool:
        try:
            return self._call("GET", "/-/ready") == http.client.OK
        except OSError:
            return False

    def _call(self, method: str, path: str, payload: Any = None) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            body = None if payload is None else json.dumps(payload).encode()
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            return response.status


@contextlib.contextmanager
def running(path: Path, folder: Path) -> Iterator[Alertmanager]:
    folder.mkdir()
    with SlackSink.start() as sink:
        # JSON is YAML.
        (folder / "config.yml").write_text(json.dumps(_configuration(sink.url)), encoding="utf-8")
        program = Alertmanager(path, folder, Arrivals(sink), _free_port())
        try:
            program.start()
            yield program
        finally:
            program.stop()


def _configuration(webhook: str) -> dict[str, Any]:
    """One group for each job, so that no message repeats jobs that another has reported."""
    return {
        "route": {
            "receiver": "slack",
            "group_by": ["job"],
            "group_wait": "0s",
            "group_interval": f"{GROUP_INTERVAL}s",
            "repeat_interval": "24h",
        },
        "receivers": [
            {
                "name": "slack",
                "slack_configs": [
                    {
                        "api_url": webhook,
                        "channel": "#ops",
                        "send_resolved": False,
                        "message_text": "{{ .CommonAnnotations.summary }}",
                        "title": "{{ .CommonLabels.job }}",
                        "text": "{{ .CommonAnnotations.summary }}",
                    }
                ],
            }
        ],
    }


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
