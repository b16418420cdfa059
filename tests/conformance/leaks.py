"""Variants of the pager that leak their secret, each in another way."""

from __future__ import annotations

import base64
import logging
import threading
from typing import Any

from batchbell.contract import Message, PermanentError, TemporaryError
from tests.conformance.pager import Pager, Reply


class Careless(Pager):
    """Leaks the URL, then sends correctly."""

    def send(self, message: Message) -> None:
        self.leak(self.webhook.reveal())
        super().send(message)

    def leak(self, secret: str) -> None:
        raise NotImplementedError


class Logs(Careless):
    def leak(self, secret: str) -> None:
        logging.getLogger("some.library").debug("POST %s", secret)


class Prints(Careless):
    def leak(self, secret: str) -> None:
        print(secret)


class PrintsItEncoded(Careless):
    def leak(self, secret: str) -> None:
        print("Authorization: Basic", base64.b64encode(f"user:{secret}".encode()).decode())


class PrintsItInHexadecimal(Careless):
    def leak(self, secret: str) -> None:
        print("webhook", secret.encode().hex())


class PrintsItsBeginning(Careless):
    def leak(self, secret: str) -> None:
        logging.getLogger("pager").info("posting to %s…", secret[: secret.index("/hook/") + 10])


class PrintsItsEnd(Careless):
    def leak(self, secret: str) -> None:
        print(f"posting to the webhook that ends with {secret[-4:]}")


class NamesAPart(Careless):
    def leak(self, secret: str) -> None:
        raise PermanentError(f"no such webhook: {secret[-20:-10]}")


class PrintsABeginningInHexadecimal(Careless):
    def leak(self, secret: str) -> None:
        print(secret.encode().hex(" ").replace(" ", "").upper()[:-20])


class SaysWhy(Careless):
    def leak(self, secret: str) -> None:
        raise TemporaryError(f"no answer from {secret}")


class HasACause(Careless):
    def leak(self, secret: str) -> None:
        raise TemporaryError("no answer") from ValueError(secret)


class HasAContext(Careless):
    def leak(self, secret: str) -> None:
        try:
            raise ValueError(secret)
        except ValueError:
            raise TemporaryError("no answer") from None


class HasItInAField(Careless):
    def leak(self, secret: str) -> None:
        error = TemporaryError("no answer")
        error.reason = secret
        raise error


class FailsInAThread(Careless):
    def leak(self, secret: str) -> None:
        def fail() -> None:
            raise ValueError(secret)

        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()


class ShowsItself(Careless):
    url = ""

    def leak(self, secret: str) -> None:
        self.url = secret

    def __repr__(self) -> str:
        return f"Pager({self.url})"


class RendersIt(Pager):
    def render(self, message: Message) -> dict[str, Any]:
        return {**super().render(message), "to": self.webhook.reveal()}


class RepeatsTheAnswer(Pager):
    def raise_for(self, reply: Reply) -> None:
        if reply.status == 403:
            raise PermanentError(f"403 {reply.body}")
        super().raise_for(reply)
