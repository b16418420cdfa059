"""Standard output and standard error that print whatever the locale, and that notice when nothing can be written.

A character that the terminal's encoding lacks becomes `?`. A full disk or a closed pipe ends the program with one line
and the exit code 2, also where the last of it is written as the program ends: otherwise a script takes a part for all.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any

__all__ = ["checked_output"]

NOT_WRITTEN = 2  # exit code


class _NotWritten(Exception):
    """Not an OSError: libraries handle those, each in its own way."""


class _Stream(io.TextIOWrapper):
    """Standard output, whose text is the result."""

    def write(self, text: str) -> int:
        with self._noticing():
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with self._noticing():
            super().flush()

    @contextlib.contextmanager
    def _noticing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise _NotWritten(error.strerror or type(error).__name__) from None


class _ErrorStream(_Stream):
    """Standard error: what cannot be written there is no reason to end."""

    @contextlib.contextmanager
    def _noticing(self) -> Iterator[None]:
        with contextlib.suppress(OSError):
            yield


@contextlib.contextmanager
def checked_output() -> Iterator[None]:
    """Replace both streams in the block. If standard output cannot be written, print one line and exit with 2."""
    kept = sys.stdout, sys.stderr
    # Python has None for a descriptor that was closed when it started, and then prints nowhere without an error.
    standard = (sys.stdout or _unwritable(), sys.stderr or _unwritable())
    streams = [_replace(standard[0], _Stream), _replace(standard[1], _ErrorStream)]
    sys.stdout, sys.stderr = streams
    try:
        try:
            yield
        finally:
            for stream in streams:
                if stream is not None:
                    stream.flush()
    except _NotWritten as problem:
        print(f"The output cannot be written: {problem}", file=streams[1], flush=True)
        raise SystemExit(NOT_WRITTEN) from None
    finally:
        sys.stdout, sys.stderr = kept
        for stream in streams:
            _let_go(stream)


def _unwritable() -> io.TextIOWrapper:
    """Return a stream that fails as a closed descriptor does, and that keeps the number from a file opened later."""
    descriptor = os.open(os.devnull, os.O_RDONLY)
    return io.TextIOWrapper(io.BufferedWriter(io.FileIO(descriptor, "w")), encoding="utf-8")


def _replace(stream: Any, by: type[_Stream]) -> Any:
    """Return the stream that replaces one; the same one if it is closed or has no bytes below it."""
    if not isinstance(getattr(stream, "buffer", None), io.IOBase):
        return stream
    with contextlib.suppress(OSError):
        stream.flush()
    return by(stream.buffer, encoding=stream.encoding, errors="replace", line_buffering=stream.line_buffering)


def _let_go(stream: Any) -> None:
    """Leave the bytes' stream open, and without what could not be written: Python would try it again as it ends."""
    if not isinstance(stream, _Stream):
        return
    below = stream.buffer
    try:
        below.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, below.fileno())
        os.close(nowhere)
    with contextlib.suppress(_NotWritten):
        stream.detach()
