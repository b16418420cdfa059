"""Sends through Apprise, a library that knows many services: https://appriseit.com/services."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from apprise import NotifyType, OverflowMode

from batchbell.contract import Message, PermanentError, Secret, Secrets, Severity, TemporaryError
from batchbell.time_limit import SEND_LIMIT, call_within
from batchbell.webhook import SendError

from .calls import Calls, uses_http
from .silence import silence
from .target import WrongTarget, open_target, service_name
from .text import write

KINDS = {
    Severity.SUCCESS: NotifyType.SUCCESS,
    Severity.FAILURE: NotifyType.FAILURE,
    Severity.WARNING: NotifyType.WARNING,
    Severity.INFO: NotifyType.INFO,
}


def create(settings: Mapping[str, Any], secrets: Secrets) -> Target:
    return Target(secrets["url"])


class Target:
    """One target of one service: what a URL of Apprise names."""

    def __init__(self, url: Secret) -> None:
        self._url = url

    def send(self, message: Message) -> None:
        """Send the message. Raises TemporaryError or PermanentError.

        Makes a second attempt only if the URL was refused and has been rotated meanwhile.
        """
        deadline = time.monotonic() + SEND_LIMIT
        url = self._url.reveal()
        error = _attempt(url, message, deadline)
        if isinstance(error, PermanentError) and not error.maybe_delivered:
            self._url.refresh()
            if (rotated := self._url.reveal()) != url:
                error = _attempt(rotated, message, deadline)
        if error is not None:
            try:
                raise error
            finally:
                # Or it and this frame, with the URL, would hold each other until the collector runs.
                del error


def _attempt(url: str, message: Message, deadline: float) -> SendError | None:
    if (left := deadline - time.monotonic()) <= 0:
        return TemporaryError("no time left to call the service")
    try:
        return call_within(left, lambda: _send(url, message))
    except TimeoutError:
        return TemporaryError(f"the service gave no whole answer within {SEND_LIMIT:.0f} s", maybe_delivered=True)


def _send(url: str, message: Message) -> SendError | None:
    """Send in this thread. Returns the error instead of raising it, whose context would be Apprise's."""
    with silence():
        try:
            # Made for each message: a plugin waits for seconds between two of its own, and keeps what it was answered.
            plugin: Any = open_target(url)
        except WrongTarget as wrong:
            return PermanentError(str(wrong), every_message=True)
        plugin.throttle = lambda *_, **__: None  # it would sleep
        service = service_name(plugin)
        text = write(message, plugin)
        calls = Calls(service)
        with calls.here():
            try:
                delivered = plugin.notify(
                    body=text.body,
                    title=text.title,
                    notify_type=KINDS[message.severity],
                    overflow=OverflowMode.TRUNCATE,
                    body_format=text.format,
                )
                over_http = uses_http(plugin)
            except Exception as failure:  # its text may hold the URL
                delivered, over_http = False, False
                reason = f"{service}: Apprise failed ({type(failure).__name__})"
            else:
                reason = f"{service}: Apprise could not deliver the message, and does not say why"
            finally:
                del plugin  # some end their session then, by a call
    if (error := calls.outcome(delivered)) is not None or delivered:
        return error
    if over_http:
        return PermanentError(f"{service}: Apprise refused the message before it called the service")
    return TemporaryError(reason, maybe_delivered=True)
