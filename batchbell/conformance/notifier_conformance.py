"""The checks themselves: a class of tests for pytest to collect."""

from __future__ import annotations

import dataclasses
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest

from batchbell.conformance.endpoint import Endpoint
from batchbell.conformance.fault import Fault
from batchbell.conformance.messages import HOSTILE_TEXTS, MESSAGES, failed, hostile
from batchbell.conformance.overheard import Overheard, overhear
from batchbell.conformance.patience import shorten_sends, shorten_socket_timeouts
from batchbell.conformance.webhook_endpoint import WebhookEndpoint
from batchbell.contract import Message, Notifier, PermanentError, TemporaryError
from batchbell.testing.faulty_server import Request

PATIENCE = 60.0  # seconds that a send may take where nothing is wrong but this machine is busy
REASON_LIMIT = 1_000  # characters
THREADS, MESSAGES_EACH = 4, 5
# Control characters, marks that turn the reading direction, and what cannot be encoded.
UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
UNIVERSAL = set(Fault) - {Fault.STRANGE, Fault.FORBIDDEN, Fault.REDIRECTS}  # every channel has these troubles


class NotifierConformance:
    """Subclass it as `Test…`, say how to make the notifier, and pytest runs all checks: see `batchbell.conformance`."""

    endpoint_type: ClassVar[type[Endpoint]] = WebhookEndpoint
    send_limit: ClassVar[float] = 10.0  # seconds that one `send` may take in all, whatever the channel does

    def make(self, endpoint: Any) -> Notifier:
        """The notifier, for this endpoint: best by its own `create`, with `endpoint.secret(…)` for its secrets."""
        raise NotImplementedError(f"{type(self).__name__} needs make(self, endpoint) -> Notifier")

    def hurry(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Shorten the notifier's own limit for a whole `send`, so that the two tests of answers that drip in take no
        longer than needed. That of `batchbell.webhook` and `batchbell.aws_errors` is shortened anyway, and where an
        endpoint hangs the time-outs of sockets are."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "fault" in metafunc.fixturenames:
            endpoint = self.endpoint_type()
            cases = [
                pytest.param(fault, answer, id=f"{fault.name.lower()}-{endpoint.name_of(answer)}")
                for fault, answers in endpoint.answers.items()
                for answer in answers
            ]
            metafunc.parametrize(("fault", "answer"), cases)

    @pytest.fixture
    def endpoint(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
        with self.endpoint_type() as endpoint:
            endpoint.prepare(monkeypatch)
            yield endpoint

    @pytest.fixture
    def overheard(
        self, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, endpoint: Endpoint
    ) -> Iterator[Overheard]:
        with overhear(capfd, monkeypatch) as overheard:
            yield overheard

    @pytest.mark.parametrize("kind", MESSAGES)
    def test_a_message_of_each_kind_arrives_once(self, endpoint: Endpoint, overheard: Overheard, kind: str) -> None:
        message = MESSAGES[kind]
        text = endpoint.text_of(self._deliver(self.make(endpoint), endpoint, overheard, message))
        assert message.title in text, f"the title {message.title!r} is not in what arrived: {text[:500]!r}"

    @pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS)
    def test_hostile_text_is_harmless(self, endpoint: Endpoint, overheard: Overheard, text: str) -> None:
        notifier = self.make(endpoint)
        usual = self._deliver(notifier, endpoint, overheard, failed())
        arrived = self._deliver(notifier, endpoint, overheard, hostile(text))
        shown = sorted({f"U+{ord(found):04X}" for found in UNSEEN.findall(endpoint.text_of(arrived))})
        assert not shown, f"characters that no reader sees are in what arrived: {', '.join(shown)} (see texts.tidy)"
        if isinstance(usual, Request) and isinstance(arrived, Request):
            more = sorted(set(arrived.headers) - set(usual.headers))
            assert not more, f"a text of the message became a header: {', '.join(more)}"

    def test_the_endpoint_has_every_trouble(self) -> None:
        answers = self.endpoint_type.answers
        missing = sorted(fault.name for fault in UNIVERSAL if not answers.get(fault))
        assert not missing, f"{self.endpoint_type.__name__}.answers has none for {', '.join(missing)}"

    def test_trouble_is_told_as_it_is(
        self, endpoint: Endpoint, overheard: Overheard, fault: Fault, answer: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        notifier = self.make(endpoint)
        endpoint.behave(fault, answer)
        with monkeypatch.context() as patch:
            if fault in (Fault.SILENT, Fault.HANGS):
                shorten_socket_timeouts(patch)
            elif fault is Fault.DRIPS:
                shorten_sends(patch)
                self.hurry(patch)
            raised = self._send(notifier, endpoint, overheard, failed(), self.send_limit)
        came = len(endpoint.arrived)
        if fault is Fault.REDIRECTS:
            assert came == 1, f"a redirect is not followed, and after the first request {came - 1} more came"
        self._check_error(raised, endpoint, fault, answer)
        if fault.value.maybe_delivered:
            assert came <= 1, f"the endpoint {fault.value.what}, and the message was sent {came} times in one send"
        endpoint.recover()
        self._deliver(notifier, endpoint, overheard, failed())

    def test_concurrent_sends_arrive_once_each(self, endpoint: Endpoint, overheard: Overheard) -> None:
        notifier = self.make(endpoint)
        titles = [f"concurrent-{number:03}-job" for number in range(THREADS * MESSAGES_EACH)]
        messages = [dataclasses.replace(failed(), title=title, key=f"{title}#FAILED") for title in titles]
        start = threading.Barrier(THREADS)

        def send(mine: list[Message]) -> list[Exception | None]:
            start.wait()
            return [overheard.send(notifier, message) for message in mine]

        with ThreadPoolExecutor(THREADS) as threads:
            outcomes = threads.map(send, [messages[number::THREADS] for number in range(THREADS)])
            raised = [error for each in outcomes for error in each if error]
        self._check_secrets(endpoint, overheard)
        assert not raised, (
            f"{THREADS} threads sent at once, and of {len(titles)} sends {len(raised)} {_said(raised[0])}"
        )
        texts = [endpoint.text_of(each) for each in endpoint.taken]
        shown = [[title for title in titles if title in text] for text in texts]
        arrived = sorted(title for each in shown for title in each)
        assert arrived == titles, (
            f"{THREADS} threads sent {len(titles)} messages at once; lost: {sorted(set(titles) - set(arrived))}, "
            f"more than once: {sorted({title for title in arrived if arrived.count(title) > 1})}"
        )
        assert all(len(each) == 1 for each in shown), f"messages of several threads were mixed: {shown}"

    def test_making_it_reads_no_secret(self, endpoint: Endpoint) -> None:
        self.make(endpoint)
        assert endpoint.secrets_read == 0, "a secret was read before the first message: reveal() belongs into send"

    def test_a_secret_that_cannot_be_read_now_is_temporary(self, endpoint: Endpoint, overheard: Overheard) -> None:
        notifier = self.make(endpoint)
        endpoint.secrets_readable = False
        raised = self._send(notifier, endpoint, overheard, failed())
        if endpoint.secrets_read:
            assert isinstance(raised, TemporaryError), (
                f"reveal() raised TemporaryError, and send {_said(raised)} instead of that"
            )

    def _deliver(self, notifier: Notifier, endpoint: Endpoint, overheard: Overheard, message: Message) -> Any:
        """Send to an endpoint that takes messages; give what arrived."""
        __tracebackhide__ = True
        before, taken = len(endpoint.arrived), len(endpoint.taken)
        raised = self._send(notifier, endpoint, overheard, message)
        faults = [fault for each in endpoint.arrived[before:] if (fault := endpoint.accepts(each))]
        assert not faults, f"what arrived is not what its endpoint accepts: {faults[0]}"
        assert raised is None, f"the endpoint takes messages, and send {_said(raised)}"
        count = len(endpoint.taken) - taken
        assert count == 1, f"one message was sent, and {count} arrived"
        return endpoint.taken[-1]

    def _send(
        self, notifier: Notifier, endpoint: Endpoint, overheard: Overheard, message: Message, limit: float = PATIENCE
    ) -> Exception | None:
        """Send in a thread, so that a send without end ends the test; give what it raised."""
        __tracebackhide__ = True
        outcome: list[Exception | None] = []
        thread = threading.Thread(target=lambda: outcome.append(overheard.send(notifier, message)), daemon=True)
        thread.start()
        thread.join(limit)
        if thread.is_alive():
            pytest.fail(
                f"send did not end within {limit:g} s: it needs one limit for the whole exchange, since a "
                "time-out between two reads never passes while bytes drip in (see batchbell.time_limit)"
            )
        self._check_secrets(endpoint, overheard)
        return outcome[0]

    def _check_secrets(self, endpoint: Endpoint, overheard: Overheard) -> None:
        __tracebackhide__ = True
        found = overheard.find(endpoint.secret_texts)
        assert not found, f"a secret shows in {found[0]}"

    def _check_error(self, raised: Exception | None, endpoint: Endpoint, fault: Fault, answer: Any) -> None:
        __tracebackhide__ = True
        meaning = fault.value
        wanted = " or ".join(kind.__name__ for kind in meaning.raises)
        told = f"the endpoint {meaning.what} ({endpoint.name_of(answer)}): that is {wanted}, and send {_said(raised)}"
        assert isinstance(raised, meaning.raises), told
        assert isinstance(raised, TemporaryError | PermanentError)
        reason = raised.reason
        assert reason.strip() and reason.isprintable(), f"a reason is one line of text, and this is {reason!r}"
        assert len(reason) <= REASON_LIMIT, f"a reason has at most {REASON_LIMIT} characters, and this {len(reason)}"
        if not isinstance(raised, TemporaryError):
            return
        if meaning.maybe_delivered is not None:
            assert raised.maybe_delivered is meaning.maybe_delivered, (
                f"the endpoint {meaning.what}: maybe_delivered is {meaning.maybe_delivered} then, so that a repeat "
                f"says what is true, and it was {raised.maybe_delivered}"
            )
        if (asked := endpoint.waiting_time(answer)) is not None:
            assert raised.retry_after == asked, (
                f"the endpoint asked to wait {asked:g} s (Retry-After), and retry_after is {raised.retry_after}"
            )


def _said(raised: Exception | None) -> str:
    match raised:
        case None:
            return "raised nothing, which counts as delivered"
        case TemporaryError() | PermanentError():
            return f"raised {type(raised).__name__}({raised.reason!r})"
        case _:  # its text may be anything
            return f"raised {type(raised).__name__}"
