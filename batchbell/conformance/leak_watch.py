"""Finds secrets in what a notifier logs, prints, raises and renders."""

from __future__ import annotations

import base64
import logging
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from batchbell.contract import Message, Notifier


class LeakWatch:
    """Collects what is logged at any level, printed or raised."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd
        self._texts: list[tuple[str, str]] = []  # where it was seen, and the text

    def send(self, notifier: Notifier, message: Message) -> Exception | None:
        """Send, collect every text that the notifier produces, and return what `send` raised."""
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
        self._texts += [(where, text) for text in texts]

    def note_error(self, where: str, error: BaseException | None) -> None:
        """Collect the texts of an exception and of its causes."""
        if error is not None:
            self.note(where, *_texts(error))

    def find(self, secrets: list[str]) -> list[str]:
        """Return where each secret leaked, with the surrounding text but without the secret."""
        for where, text in zip(("standard output", "standard error"), self._capfd.readouterr(), strict=True):
            self.note(where, text)
        encodings = [encoded for secret in secrets for encoded in _encodings(secret)]
        return [
            f"{where}: {_around(encoded, line)}"
            for where, text in self._texts
            for encoded in encodings
            if encoded in text
            for line in text.splitlines()
            if encoded in line
        ]


@contextmanager
def watch_for_leaks(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[LeakWatch]:
    """Collect from every logger of the process, at every level."""
    leak_watch = LeakWatch(capfd)

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            leak_watch.note(f"a log line of {record.name}, {record.levelname}", f"{self.format(record)} {vars(record)}")

    monkeypatch.setattr(
        threading, "excepthook", lambda ended: leak_watch.note_error("an exception in a thread", ended.exc_value)
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
        yield leak_watch
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


def _encodings(secret: str) -> Iterator[str]:
    """The secret, and its Base64 at each offset in a longer text, as in `Authorization: Basic …`."""
    yield secret
    for before in range(3):
        inner = base64.b64encode(b"\0" * before + secret.encode()).decode()
        yield inner[(0, 4, 4)[before] : len(inner) // 4 * 4 - 4]


def _around(secret: str, line: str) -> str:
    start = max(0, line.index(secret) - 100)
    return line[start : start + 250].replace(secret, "(the secret)")
