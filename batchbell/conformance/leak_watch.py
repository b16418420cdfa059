"""Finds secrets in what a notifier logs, prints, raises and renders."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from batchbell.conformance.secret_texts import find_secret
from batchbell.contract import Message, Notifier


class LeakWatch:
    """Collects what is logged at any level, printed or raised."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd
        self._texts: list[tuple[str, str]] = []  # where it was seen, and the text
        self.given: Any = None  # what the last `send` gave back

    def send(self, notifier: Notifier, message: Message, receipt: str | None = None) -> BaseException | None:
        """Send, collect every text that the notifier produces, and return what `send` raised.

        receipt: of a message that is updated; None: `send` makes a new one.

        That may be SystemExit or KeyboardInterrupt, too: nothing that a notifier raises ends the tests.
        """
        raised: BaseException | None = None
        updating: Any = notifier
        try:
            if receipt is None:
                self.given = notifier.send(message)
                self.note("the receipt that send gives back", repr(self.given))
            else:
                updating.update(message, receipt)
        except BaseException as error:
            raised = error
            self.note_error("what send raised" if receipt is None else "what update raised", error)
        try:
            self.note("the notifier's repr", repr(notifier), str(notifier))
        except BaseException as error:
            raised = raised or error
            self.note_error("what the notifier's repr raised", error)
        if (render := getattr(notifier, "render", None)) is not None:
            try:
                self.note("what render gives", repr(render(message)))
            except BaseException as error:
                raised = raised or error
                self.note_error("what render raised", error)
        return raised

    def note(self, where: str, *texts: str) -> None:
        self._texts.extend([(where, text) for text in texts])

    def note_error(self, where: str, error: BaseException | None) -> None:
        """Collect the texts of an exception and of its causes."""
        if error is not None:
            self.note(where, *_texts(error))

    def find(self, secrets: list[str]) -> list[str]:
        """Return where each secret leaked, whole or in part, with the surrounding text but without the secret.

        Looks through what came since the last call.
        """
        for where, text in zip(("standard output", "standard error"), self._capfd.readouterr(), strict=True):
            self.note(where, text)
        texts = self._texts[:]
        del self._texts[: len(texts)]  # a thread that a notifier left behind may add more meanwhile
        return [
            f"{where}: {found}"
            for where, text in texts
            for secret in secrets
            if (found := find_secret(secret, text)) is not None
        ]


@contextmanager
def watch_for_leaks(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[LeakWatch]:
    """Collect from every logger of the process, at every level."""
    leak_watch = LeakWatch(capfd)

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            # Without its times: among their many digits, a few are the hexadecimal form of some letters by chance.
            attributes = {name: value for name, value in vars(record).items() if not isinstance(value, float)}
            leak_watch.note(f"a log line of {record.name}, {record.levelname}", f"{self.format(record)} {attributes}")

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
    _set_levels([(logger, 1) for logger in loggers])
    for logger in outermost:
        logger.addHandler(handler)
    try:
        yield leak_watch
    finally:
        for logger in outermost:
            logger.removeHandler(handler)
        _set_levels(levels)


def _set_levels(levels: Sequence[tuple[logging.Logger, int]]) -> None:
    """Set the levels of many loggers, the root among them.

    Each `setLevel` makes all loggers forget what they log: with hundreds of loggers, that takes longer than a test.
    """
    for logger, level in levels:
        logger.level = level
    logging.root.setLevel(logging.root.level)


def _texts(error: BaseException | None) -> Iterator[str]:
    if error is not None:
        yield from (str(error), repr(error), repr(error.args), repr(vars(error)), *traceback.format_exception(error))
        yield from _texts(error.__cause__)
        yield from _texts(error.__context__)
