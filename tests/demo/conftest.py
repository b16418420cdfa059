from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner


@pytest.fixture(scope="module")
def in_this_process() -> Iterator[Callable[..., Any]]:
    """Runs a command of the demo with these arguments, as its process would."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(command: Callable[..., None], *arguments: str) -> Any:
        app = typer.Typer()
        app.command()(command)
        return CliRunner().invoke(app, list(arguments))

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)
