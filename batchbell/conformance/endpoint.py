"""The fake channel that a notifier sends to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar, Self

import pytest

from batchbell.conformance.fault import Fault
from batchbell.conformance.secret_texts import make_token
from batchbell.contract import Secret, TemporaryError


@dataclass
class _HeldSecret:
    """A secret's value in the store, and in the Lambda's cache."""

    stored: str
    cached: str = field(init=False)

    def __post_init__(self) -> None:
        self.cached = self.stored

    def expire(self) -> None:
        self.cached = self.stored


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
        self.old_tokens: list[str] = []  # of `secret_texts`, those that `rotate_secrets` has replaced
        self._held: list[_HeldSecret] = []

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
        token = make_token()
        self.secret_texts.append(token)
        return token

    def secret(self, name: str, value: str | None = None) -> Secret:
        """Make a secret, as the Lambda passes it to `create`.

        value: a text that contains a `new_token()`; without it, the secret is a new token.
        """
        held = _HeldSecret(self.new_token() if value is None else value)
        self._held.append(held)

        def read(fresh: bool) -> str:
            self.secrets_read += 1
            if not self.secrets_readable:
                raise TemporaryError("the secret store is throttling")
            if fresh:
                held.expire()
            return held.cached

        return Secret(name, read)

    @property
    def has_secrets(self) -> bool:
        """Whether `secret` was called."""
        return bool(self._held)

    def rotate_secrets(self) -> None:
        """Replace the tokens in all secrets. Like the Lambda, it goes on with the old ones until it reads them anew."""
        new = {
            old: self.new_token()
            for old in [*self.secret_texts]
            if old not in self.old_tokens and any(old in held.stored for held in self._held)
        }
        self.old_tokens += new
        for held in self._held:
            held.stored = self.renewed(held.stored, new)
        self.on_rotation(new)

    def on_rotation(self, new: Mapping[str, str]) -> None:  # noqa: B027, most need nothing
        """Accept the new tokens, by the old ones, from now on."""

    @staticmethod
    def renewed(text: str, new: Mapping[str, str]) -> str:
        """Return the text with the new tokens."""
        for old, token in new.items():
            text = text.replace(old, token)
        return text

    def expire_secrets(self) -> None:
        """Let the next `reveal` return what is stored, as it does in the Lambda after some minutes."""
        for held in self._held:
            held.expire()

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

    def replaces(self, arrived: Any) -> str | None:
        """Return the receipt of the message that it takes the place of; None if it is a new message.

        For a notifier that has `update`.
        """
        return None

    def answers(self, arrived: Any) -> str:
        """Return the receipt of the message that it is a reply to; "" if it is none."""
        return ""

    def retry_after_of(self, response: Any) -> float | None:
        """Return the seconds that a response asks to wait, or None."""
        return None

    def name_of(self, response: Any) -> str:
        """Return a short name for a test's id."""
        return str(response)
