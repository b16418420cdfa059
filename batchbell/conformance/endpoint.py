"""The fake channel that a notifier sends to."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, ClassVar, Self

import pytest

from batchbell.conformance.fault import Fault
from batchbell.contract import Secret, TemporaryError


class Endpoint(ABC):
    """A fake channel of any kind, new for each test; `WebhookEndpoint` is one that speaks HTTP.

    A subclass appends what it receives to `arrived` and `accepted`.
    """

    responses: ClassVar[Mapping[Fault, Sequence[Any]]]
    """How the channel may respond during each fault. Only `fail_with`, `retry_after_of` and `name_of` read a response,
    so that it can be of any type."""

    def __init__(self) -> None:
        self.arrived: list[Any] = []  # everything that was received, in order, whatever the response
        self.accepted: list[Any] = []  # of these, the messages that a reader would see
        self.secret_texts: list[str] = []  # texts that must not leak
        self.secrets_read = 0
        self.secrets_readable = True

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def prepare(self, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: B027, most need nothing
        """Set up what the notifier needs, such as environment variables. Called after `start`."""

    def new_token(self) -> str:
        """Make a text that must not leak."""
        token = f"Hidden{uuid.uuid4().hex}"
        self.secret_texts.append(token)
        return token

    def secret(self, name: str, value: str | None = None) -> Secret:
        """Make a secret, as the Lambda passes it to `create`.

        value: a text that contains a `new_token()`; without it, the secret is a new token.
        """
        text = self.new_token() if value is None else value

        def read(fresh: bool) -> str:
            self.secrets_read += 1
            if not self.secrets_readable:
                raise TemporaryError("the secret store is throttling")
            return text

        return Secret(name, read)

    @abstractmethod
    def start(self) -> None:
        """Begin to accept messages."""

    @abstractmethod
    def stop(self) -> None:
        """Stop at once, and close every connection."""

    @abstractmethod
    def fail_with(self, fault: Fault, response: Any) -> None:
        """Fail in this way from now on; `response` is one of `responses[fault]`."""

    @abstractmethod
    def recover(self) -> None:
        """Accept messages again."""

    @abstractmethod
    def find_problem(self, arrived: Any) -> str | None:
        """Say why the channel would refuse it or a reader must not see it: a limit, a mention, a forged link.

        Returns None if it is fine.
        """

    @abstractmethod
    def text_of(self, arrived: Any) -> str:
        """Return the text that a reader sees. It must include the title, by which the tests recognize the message."""

    def retry_after_of(self, response: Any) -> float | None:
        """Return the seconds that a response asks to wait, or None."""
        return None

    def name_of(self, response: Any) -> str:
        """Return a short name for a test's id."""
        return str(response)
