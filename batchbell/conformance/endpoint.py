"""A fake of what a notifier sends to."""

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
    """The fake of a channel of any kind; `WebhookEndpoint` is one that speaks HTTP. Each test has its own. A subclass
    keeps what comes in `arrived` and `taken`."""

    answers: ClassVar[Mapping[Fault, Sequence[Any]]]
    """What the channel may say or do for each kind of trouble. What an answer is, only `behave` and the two methods
    below need to know."""

    def __init__(self) -> None:
        self.arrived: list[Any] = []  # all that came in, whatever was answered, in the order of arrival
        self.taken: list[Any] = []  # of these, the messages that a reader gets
        self.secret_texts: list[str] = []  # none of them may show anywhere
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
        """What the notifier needs around it, such as environment variables. Called after `start`."""

    def new_token(self) -> str:
        """A text that must not show anywhere."""
        token = f"Hidden{uuid.uuid4().hex}"
        self.secret_texts.append(token)
        return token

    def secret(self, name: str, value: str | None = None) -> Secret:
        """A secret as the Lambda gives it to `create`. value: a text with a `new_token()`, which it is if not given."""
        text = self.new_token() if value is None else value

        def read(fresh: bool) -> str:
            self.secrets_read += 1
            if not self.secrets_readable:
                raise TemporaryError("the secret store takes no more for now")
            return text

        return Secret(name, read)

    @abstractmethod
    def start(self) -> None:
        """From now on it takes messages."""

    @abstractmethod
    def stop(self) -> None:
        """End it, whatever it is doing, and every connection to it."""

    @abstractmethod
    def behave(self, fault: Fault, answer: Any) -> None:
        """Be in this trouble from now on; `answer` is one of `answers[fault]`."""

    @abstractmethod
    def recover(self) -> None:
        """Be well again."""

    @abstractmethod
    def accepts(self, arrived: Any) -> str | None:
        """Why the channel, or its reader, would not want it: a limit, a mention, a link that a job made up. None if
        nothing is wrong."""

    @abstractmethod
    def text_of(self, arrived: Any) -> str:
        """What a reader sees of it, at least its title: by that the kit knows which message it is."""

    def waiting_time(self, answer: Any) -> float | None:
        """Seconds that an answer asks to wait, or None."""
        return None

    def name_of(self, answer: Any) -> str:
        """A short name for a test's id."""
        return str(answer)
