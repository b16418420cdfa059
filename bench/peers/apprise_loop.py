"""Apprise, called for one event after the other, as its documents show; its Slack plugin repeats a failed request."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from batchbell_local.slack.sink import SlackSink
from bench.peers.program import OneProcess
from bench.peers.sink import Arrivals

RETRIES, PAUSE = 5, 1.0  # its most useful settings here: Slack asks for a second's pause; by default it repeats nothing
# The address of Slack's webhooks is a constant of the plugin.
DRIVER = """
import sys

import apprise
from apprise.plugins.slack import NotifySlack

NotifySlack.webhook_url = sys.argv[1]
channel = apprise.Apprise()
channel.add(sys.argv[2])
for line in sys.stdin:
    channel.notify(title="An array job has finished", body=line.strip())
"""


@dataclass
class AppriseLoop(OneProcess):
    """A process that reads names of jobs, a line each."""

    python: Path
    arrivals: Arrivals
    name: str = "Apprise"

    def notify(self, names: Sequence[str]) -> None:
        process = self._process
        assert process is not None and process.stdin is not None
        process.stdin.write("".join(f"{name}\n" for name in names))
        process.stdin.flush()

    def start(self) -> None:
        url = urlsplit(self.arrivals.sink.url)
        base, _, token = url.path.partition("/services/")
        channel = f"slack://{token}/?retry={RETRIES}&wait={PAUSE:g}"
        self._process = subprocess.Popen(
            [str(self.python), "-c", DRIVER, f"{url.scheme}://{url.netloc}{base}/services", channel],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )


@contextlib.contextmanager
def running(python: Path) -> Iterator[AppriseLoop]:
    with SlackSink.start() as sink:
        program = AppriseLoop(python, Arrivals(sink))
        try:
            program.start()
            yield program
        finally:
            program.stop()
