"""A channel that does not speak HTTP, as a fake endpoint, and its notifier."""

from __future__ import annotations

import threading
from typing import ClassVar

from batchbell.conformance import Endpoint, Fault
from batchbell.contract import Message, PermanentError, TemporaryError
from batchbell.texts import as_text, tidy
from batchbell.time_limit import call_within


class PostboxEndpoint(Endpoint):
    """A response is what `put` returns; None: it does not return."""

    responses: ClassVar = {
        Fault.BUSY: ["full"],
        Fault.BROKEN: ["jammed"],
        Fault.REFUSED: ["too wide"],
        Fault.GONE: ["dismantled"],
        Fault.UNREACHABLE: ["locked"],
        Fault.SILENT: [None],
        Fault.RESETS: ["slammed shut"],
        Fault.HANGS: [None],
        Fault.DRIPS: [None],
    }

    def __init__(self) -> None:
        super().__init__()
        self._failure: tuple[Fault, str | None] | None = None
        self._stopped = threading.Event()

    def put(self, text: str) -> str | None:
        if self._failure is None:
            self.arrived.append(text)
            self.accepted.append(text)
            return None
        fault, response = self._failure
        if fault not in (Fault.UNREACHABLE, Fault.SILENT):
            self.arrived.append(text)
        if response is None:
            self._stopped.wait()
        return response

    def start(self) -> None:
        """Nothing to start: it has no process of its own."""

    def stop(self) -> None:
        self._stopped.set()

    def fail_with(self, fault: Fault, response: str | None) -> None:
        self._failure = fault, response

    def recover(self) -> None:
        self._failure = None

    def find_problem(self, arrived: str) -> str | None:
        return None if arrived.strip() else "an empty text"

    def text_of(self, arrived: str) -> str:
        return arrived


class Postbox:
    def __init__(self, endpoint: PostboxEndpoint) -> None:
        self.endpoint = endpoint

    def send(self, message: Message) -> None:
        text = as_text(tidy(message))
        try:
            said = call_within(0.3, lambda: self.endpoint.put(text))
        except TimeoutError:
            raise TemporaryError("the box says nothing", maybe_delivered=True) from None
        if said in ("too wide", "dismantled"):
            raise PermanentError(f"the box is {said}")
        if said is not None:
            raise TemporaryError(f"the box is {said}", maybe_delivered=said == "slammed shut")
