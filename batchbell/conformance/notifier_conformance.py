"""The conformance tests: a class for pytest to collect."""

from __future__ import annotations

import dataclasses
import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest

from batchbell.conformance.endpoint import Endpoint
from batchbell.conformance.fault import Fault
from batchbell.conformance.leak_watch import LeakWatch, watch_for_leaks
from batchbell.conformance.messages import HOSTILE_TEXTS, MESSAGES, failed, hostile
from batchbell.conformance.shortened_limits import shorten_send_limits, shorten_socket_timeouts
from batchbell.conformance.webhook_endpoint import WebhookEndpoint
from batchbell.contract import Message, Notifier, PermanentError, TemporaryError
from batchbell.testing.faulty_server import Request

BUSY_MACHINE_LIMIT = 60.0  # seconds that a send may take where nothing fails but this machine is busy
REASON_LIMIT = 1_000  # characters
THREADS, MESSAGES_EACH = 4, 5
# Control characters, marks that change the reading direction, and lone surrogates, which cannot be encoded.
INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
REQUIRED_FAULTS = set(Fault) - {Fault.FALSE_SUCCESS, Fault.FORBIDDEN, Fault.REDIRECTS}  # every channel can fail so


class NotifierConformance:
    """Subclass it as `Test…` and implement `make`; pytest then runs all tests. See `batchbell.conformance`."""

    endpoint_type: ClassVar[type[Endpoint]] = WebhookEndpoint
    send_limit: ClassVar[float] = 10.0  # seconds for one `send`, whatever the channel does

    def make(self, endpoint: Any) -> Notifier:
        """Make the notifier for this endpoint, best by its own `create` with `endpoint.secret(…)` as its secrets."""
        raise NotImplementedError(f"{type(self).__name__} needs make(self, endpoint) -> Notifier")

    def shorten_limits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Shorten the notifier's own limit for a whole `send`, so that the tests with a slow response take less time.

        The limits of `batchbell.webhook`, `batchbell.aws_errors` and sockets are shortened anyway.
        """

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "fault" in metafunc.fixturenames:
            endpoint = self.endpoint_type()
            cases = [
                pytest.param(fault, response, id=f"{fault.name.lower()}-{endpoint.name_of(response)}")
                for fault, responses in endpoint.responses.items()
                for response in responses
            ]
            metafunc.parametrize(("fault", "response"), cases)

    @pytest.fixture
    def endpoint(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
        with self.endpoint_type() as endpoint:
            endpoint.prepare(monkeypatch)
            yield endpoint

    @pytest.fixture
    def leak_watch(
        self, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, endpoint: Endpoint
    ) -> Iterator[LeakWatch]:
        with watch_for_leaks(capfd, monkeypatch) as leak_watch:
            yield leak_watch

    @pytest.mark.parametrize("kind", MESSAGES)
    def test_a_message_of_each_kind_arrives_once(self, endpoint: Endpoint, leak_watch: LeakWatch, kind: str) -> None:
        message = MESSAGES[kind]
        text = endpoint.text_of(self._deliver(self.make(endpoint), endpoint, leak_watch, message))
        assert message.title in text, f"the title {message.title!r} did not arrive; this did: {text[:500]!r}"

    @pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS)
    def test_hostile_text_is_harmless(self, endpoint: Endpoint, leak_watch: LeakWatch, text: str) -> None:
        notifier = self.make(endpoint)
        usual = self._deliver(notifier, endpoint, leak_watch, failed())
        arrived = self._deliver(notifier, endpoint, leak_watch, hostile(text))
        shown = sorted({f"U+{ord(found):04X}" for found in INVISIBLE.findall(endpoint.text_of(arrived))})
        assert not shown, f"invisible characters arrived: {', '.join(shown)} (see texts.tidy)"
        if isinstance(usual, Request) and isinstance(arrived, Request):
            more = sorted(set(arrived.headers) - set(usual.headers))
            assert not more, f"a text of the message became a header: {', '.join(more)}"

    def test_the_endpoint_can_fail_in_every_way(self) -> None:
        responses = self.endpoint_type.responses
        missing = sorted(fault.name for fault in REQUIRED_FAULTS if not responses.get(fault))
        assert not missing, f"{self.endpoint_type.__name__}.responses has no response for {', '.join(missing)}"

    def test_each_fault_raises_the_right_error(
        self, endpoint: Endpoint, leak_watch: LeakWatch, fault: Fault, response: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        notifier = self.make(endpoint)
        endpoint.fail_with(fault, response)
        with monkeypatch.context() as patch:
            if fault in (Fault.SILENT, Fault.HANGS):
                shorten_socket_timeouts(patch)
            elif fault is Fault.DRIPS:
                shorten_send_limits(patch)
                self.shorten_limits(patch)
            raised = self._send(notifier, endpoint, leak_watch, failed(), self.send_limit)
        requests = len(endpoint.arrived)
        if fault is Fault.REDIRECTS:
            assert requests == 1, (
                f"send must not follow a redirect, but {requests - 1} more came after the first request"
            )
        self._check_error(raised, endpoint, fault, response)
        if fault.value.maybe_delivered:
            assert requests <= 1, (
                f"the endpoint {fault.value.endpoint_does}: one send must not repeat the message, and sent {requests}"
            )
        endpoint.recover()
        self._deliver(notifier, endpoint, leak_watch, failed())

    def test_concurrent_sends_arrive_once_each(self, endpoint: Endpoint, leak_watch: LeakWatch) -> None:
        notifier = self.make(endpoint)
        titles = [f"concurrent-{number:03}-job" for number in range(THREADS * MESSAGES_EACH)]
        messages = [dataclasses.replace(failed(), title=title, key=f"{title}#FAILED") for title in titles]
        start = threading.Barrier(THREADS)

        def send(mine: list[Message]) -> list[Exception | None]:
            start.wait()
            return [leak_watch.send(notifier, message) for message in mine]

        with ThreadPoolExecutor(THREADS) as threads:
            outcomes = threads.map(send, [messages[number::THREADS] for number in range(THREADS)])
            raised = [error for each in outcomes for error in each if error]
        self._check_secrets(endpoint, leak_watch)
        assert not raised, (
            f"{THREADS} threads sent {len(titles)} messages at once, and {len(raised)} sends {_outcome(raised[0])}"
        )
        self._check_problems(endpoint, endpoint.accepted)
        texts = [endpoint.text_of(each) for each in endpoint.accepted]
        shown = [[title for title in titles if title in text] for text in texts]
        arrived = sorted(title for each in shown for title in each)
        assert arrived == titles, (
            f"{THREADS} threads sent {len(titles)} messages at once; lost: {sorted(set(titles) - set(arrived))}, "
            f"more than once: {sorted({title for title in arrived if arrived.count(title) > 1})}"
        )
        assert all(len(each) == 1 for each in shown), f"the messages of several threads were mixed: {shown}"

    def test_create_reads_no_secret(self, endpoint: Endpoint) -> None:
        self.make(endpoint)
        assert endpoint.secrets_read == 0, "a secret was read before the first message: call reveal() in send"

    def test_a_secret_that_cannot_be_read_now_is_a_temporary_error(
        self, endpoint: Endpoint, leak_watch: LeakWatch
    ) -> None:
        notifier = self.make(endpoint)
        endpoint.secrets_readable = False
        raised = self._send(notifier, endpoint, leak_watch, failed())
        if endpoint.secrets_read:
            assert isinstance(raised, TemporaryError), (
                f"reveal() raised TemporaryError, and send {_outcome(raised)} instead"
            )

    def _deliver(self, notifier: Notifier, endpoint: Endpoint, leak_watch: LeakWatch, message: Message) -> Any:
        """Send to an endpoint that accepts messages; return what arrived."""
        __tracebackhide__ = True
        arrived, accepted = len(endpoint.arrived), len(endpoint.accepted)
        raised = self._send(notifier, endpoint, leak_watch, message)
        self._check_problems(endpoint, endpoint.arrived[arrived:])
        assert raised is None, f"the endpoint accepts messages, but send {_outcome(raised)}"
        count = len(endpoint.accepted) - accepted
        assert count == 1, f"one message was sent, but {count} arrived"
        return endpoint.accepted[-1]

    def _send(
        self,
        notifier: Notifier,
        endpoint: Endpoint,
        leak_watch: LeakWatch,
        message: Message,
        limit: float = BUSY_MACHINE_LIMIT,
    ) -> Exception | None:
        """Send in a thread, so that an endless send fails the test; return what it raised."""
        __tracebackhide__ = True
        outcome: list[Exception | None] = []
        thread = threading.Thread(target=lambda: outcome.append(leak_watch.send(notifier, message)), daemon=True)
        thread.start()
        thread.join(limit)
        if thread.is_alive():
            pytest.fail(
                f"send did not end within {limit:g} s: it needs one limit for the whole exchange, since each byte that "
                "arrives restarts a read timeout (see batchbell.time_limit)"
            )
        self._check_secrets(endpoint, leak_watch)
        return outcome[0]

    def _check_secrets(self, endpoint: Endpoint, leak_watch: LeakWatch) -> None:
        __tracebackhide__ = True
        found = leak_watch.find(endpoint.secret_texts)
        assert not found, f"a secret leaks into {found[0]}"

    def _check_problems(self, endpoint: Endpoint, arrived: Sequence[Any]) -> None:
        __tracebackhide__ = True
        problems = [problem for each in arrived if (problem := endpoint.find_problem(each))]
        assert not problems, f"the endpoint does not accept what arrived: {problems[0]}"

    def _check_error(self, raised: Exception | None, endpoint: Endpoint, fault: Fault, response: Any) -> None:
        __tracebackhide__ = True
        expected = fault.value
        allowed = " or ".join(kind.__name__ for kind in expected.raises)
        assert isinstance(raised, expected.raises), (
            f"the endpoint {expected.endpoint_does} ({endpoint.name_of(response)}): "
            f"send must raise {allowed}, but it {_outcome(raised)}"
        )
        assert isinstance(raised, TemporaryError | PermanentError)
        reason = raised.reason
        assert reason.strip() and reason.isprintable(), f"a reason must be one line of text, not {reason!r}"
        assert len(reason) <= REASON_LIMIT, f"a reason may have {REASON_LIMIT} characters, not {len(reason)}"
        if not isinstance(raised, TemporaryError):
            return
        if expected.maybe_delivered is not None:
            assert raised.maybe_delivered is expected.maybe_delivered, (
                f"the endpoint {expected.endpoint_does}: maybe_delivered must be {expected.maybe_delivered}, so that a "
                f"repeat is marked correctly, not {raised.maybe_delivered}"
            )
        if (asked := endpoint.retry_after_of(response)) is not None:
            assert raised.retry_after == asked, (
                f"the endpoint asked to wait {asked:g} s (Retry-After), but retry_after is {raised.retry_after}"
            )


def _outcome(raised: Exception | None) -> str:
    match raised:
        case None:
            return "raised nothing, which counts as delivered"
        case TemporaryError() | PermanentError():
            return f"raised {type(raised).__name__}({raised.reason!r})"
        case _:  # its text may be anything
            return f"raised {type(raised).__name__}"
