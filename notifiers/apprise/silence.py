"""Keeps what libraries log in a thread out of every log, at any level.

Apprise logs URLs, headers and payloads; the libraries below it log paths and signatures.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_silenced = threading.local()


@contextmanager
def silence() -> Iterator[None]:
    """Drop whatever this thread logs in the block."""
    mute_loggers()
    before = getattr(_silenced, "here", False)
    _silenced.here = True
    try:
        yield
    finally:
        _silenced.here = before


def mute_loggers() -> None:
    """Let each logger that there is by now drop what silenced threads log."""
    for logger in [logging.root, *logging.root.manager.loggerDict.values()]:
        if isinstance(logger, logging.Logger):
            logger.addFilter(_is_loggable)  # once: a filter that a logger has is not added again


def _is_loggable(record: logging.LogRecord) -> bool:
    return not getattr(_silenced, "here", False)
