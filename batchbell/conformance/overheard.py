"""All that a notifier says while it sends: logs, prints, exceptions."""

from __future__ import annotations

import base64
import logging
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from batchbell.contract import Message, Notifier


class Overheard:
    """What was logged at any level, printed or raised, as (where, text)."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd
        self._lines: list[tuple[str, str]] = []

    def send(self, notifier: Notifier, message: Message) -> Exception | None:
        """Give what `send` raised, and note what it and the notifier say."""
        raised = None
        try:
            notifier.send(message)
        except Exception as error:
            raised = error
            self.note_error("what send raised", error)
        self.note("the notifier's repr", repr(notifier), str(notifier))
        if (render := getattr(notifier, "render", None)) is not None:
            try:
                self.note("what render gives", repr(render(message)))
            except Exception as error:
                raised = raised or error
                self.note_error("what render raised", error)
        return raised

    def note(self, where: str, *texts: str) -> None:
        self._lines += [(where, text) for text in texts]

    def note_error(self, where: str, error: BaseException | None) -> None:
        """All that an exception and those behind it say."""
        if error is not None:
            self.note(where, *_texts(error))

    def find(self, secrets: list[str]) -> list[str]:
        """Where each of the secrets shows, and the start of what shows it, without it."""
        for where, text in zip(("standard output", "standard error"), self._capfd.readouterr(), strict=True):
            self.note(where, text)
        return [
            f"{where}: {_around(shown, line)}"
            for where, text in self._lines
            for shown in (shown for secret in secrets for shown in _disguises(secret))
            for line in text.splitlines()
            if shown in line
        ]


@contextmanager
def overhear(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Overheard]:
    """Listen to every logger of the process, at every level."""
    overheard = Overheard(capfd)

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            overheard.note(f"a log line of {record.name}, {record.levelname}", f"{self.format(record)} {vars(record)}")

    monkeypatch.setattr(
        threading, "excepthook", lambda ended: overheard.note_error("an exception in a thread", ended.exc_value)
    )
    handler = Handler()
    loggers = [
        logging.root,
        *(one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)),
    ]
    levels = [(logger, logger.level) for logger in loggers]
    outermost = [logger for logger in loggers if logger is logging.root or not logger.propagate]
    for logger in loggers:
        logger.setLevel(1)
    for logger in outermost:
        logger.addHandler(handler)
    try:
        yield overheard
    finally:
        for logger in outermost:
            logger.removeHandler(handler)
        for logger, level in levels:
            logger.setLevel(level)


def _texts(error: BaseException | None) -> Iterator[str]:
    if error is not None:
        yield from (str(error), repr(error), repr(error.args), repr(vars(error)), *traceback.format_exception(error))
        yield from _texts(error.__cause__)
        yield from _texts(error.__context__)


def _disguises(secret: str) -> Iterator[str]:
    """The secret, and as it is within a longer text in Base64, such as `Authorization: Basic …`."""
    yield secret
    for before in range(3):
        inner = base64.b64encode(b"\0" * before + secret.encode()).decode()
        yield inner[(0, 4, 4)[before] : len(inner) // 4 * 4 - 4]


def _around(secret: str, line: str) -> str:
    start = max(0, line.index(secret) - 100)
    return line[start : start + 250].replace(secret, "(the secret)")
