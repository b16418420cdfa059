"""The conformance tests: a class for pytest to collect."""

from __future__ import annotations

import copy
import dataclasses
import re
import threading
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest

from batchbell.conformance.endpoint import Endpoint
from batchbell.conformance.fault import Fault
from batchbell.conformance.leak_watch import LeakWatch, watch_for_leaks
from batchbell.conformance.messages import (
    HOSTILE_TEXTS,
    MESSAGES,
    OUTCOMES,
    WRONG_LINKS,
    failed,
    hostile,
    long_named,
    warning,
    wrongly_linked,
)
from batchbell.conformance.sending import (
    check_error,
    check_problems,
    check_secrets,
    check_unchanged,
    deliver,
    make_notifier,
    outcome_of,
    send,
)
from batchbell.conformance.shortened_limits import shorten_send_limits, shorten_socket_timeouts
from batchbell.conformance.webhook_endpoint import WebhookEndpoint
from batchbell.conformance.whole_message import (
    OPTIONAL_PARTS,
    SHORT_MESSAGES,
    find_changed_command,
    find_missing,
    letters,
    unmarked,
)
from batchbell.contract import Message, Notifier, PermanentError, TemporaryError
from batchbell.testing.faulty_server import Request

THREADS, MESSAGES_EACH = 4, 5
SENDS_AFTER_ROTATION = 3
# Control characters, marks that change the reading direction, and lone surrogates, which cannot be encoded.
INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
REQUIRED_FAULTS = set(Fault) - {Fault.FALSE_SUCCESS, Fault.FORBIDDEN, Fault.REDIRECTS}  # every channel can fail so


class NotifierConformance:
    """Subclass it as `Test…` and implement `make`; pytest then runs all tests. See `batchbell.conformance`."""

    endpoint_type: ClassVar[type[Endpoint]] = WebhookEndpoint
    send_limit: ClassVar[float] = 10.0  # seconds for one `send`, whatever the channel does
    # What the channel has no room for: "summary", "facts", "failures", "links", "jobs". Title and notes always arrive.
    leaves_out: ClassVar[Collection[str]] = ()
    tests_update: ClassVar[bool] = False

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
        text = endpoint.text_of(deliver(self._make(endpoint), endpoint, leak_watch, message))
        assert message.title in text, f"the title {message.title!r} did not arrive; this did: {text[:500]!r}"

    @pytest.mark.parametrize("kind", SHORT_MESSAGES)
    def test_a_short_message_arrives_whole(self, endpoint: Endpoint, leak_watch: LeakWatch, kind: str) -> None:
        wrong = sorted({*self.leaves_out} - OPTIONAL_PARTS)
        assert not wrong, f"leaves_out may not hold {wrong[0]!r}, but any of {', '.join(sorted(OPTIONAL_PARTS))}"
        notifier, message = self._make(endpoint), SHORT_MESSAGES[kind]
        text = endpoint.text_of(deliver(notifier, endpoint, leak_watch, message))
        missing = find_missing(message, text, self.leaves_out)
        assert missing is None, f"{missing} did not arrive; this did: {text[:2000]!r}"
        if message.jobs and "jobs" not in self.leaves_out:
            other = endpoint.text_of(deliver(notifier, endpoint, leak_watch, unmarked(message)))
            assert letters(text) != letters(other), (
                "a job of a digest that may be a repeat (may_be_repeat) looks like the others: see texts.describe_job"
            )

    def test_a_command_arrives_as_it_is_or_not_at_all(self, endpoint: Endpoint, leak_watch: LeakWatch) -> None:
        text = endpoint.text_of(deliver(self._make(endpoint), endpoint, leak_watch, warning()))
        changed = find_changed_command(warning(), text)
        assert changed is None, (
            f"a part of the command {changed!r} arrived: somebody may run it, so show it as it is or leave it out; "
            f"this did: {text[:2000]!r}"
        )

    def test_a_notifier_with_update_is_tested_with_it(self, endpoint: Endpoint) -> None:
        if hasattr(self._make(endpoint), "update"):
            assert self.tests_update, "the notifier has update: subclass UpdatingNotifierConformance"

    @pytest.mark.parametrize("outcome", OUTCOMES)
    def test_a_long_job_name_leaves_the_outcome_whole(
        self, endpoint: Endpoint, leak_watch: LeakWatch, outcome: str
    ) -> None:
        text = endpoint.text_of(deliver(self._make(endpoint), endpoint, leak_watch, long_named(outcome)))
        assert letters(outcome) in letters(text), (
            f"{outcome!r} did not arrive behind a name of 128 characters (see texts.shorten); this did: {text[:500]!r}"
        )

    def test_only_links_to_web_pages_arrive(self, endpoint: Endpoint, leak_watch: LeakWatch) -> None:
        arrived = deliver(self._make(endpoint), endpoint, leak_watch, wrongly_linked())
        everything = endpoint.text_of(arrived) + str(arrived)
        if isinstance(arrived, Request):
            everything += arrived.body.decode("utf-8", "replace")
        shown = [url for word, url in WRONG_LINKS.items() if word in everything]
        assert not shown, f"a link to {shown[0]!r} arrived: only https:// links may be shown (see texts.tidy)"

    @pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS)
    def test_hostile_text_is_harmless(self, endpoint: Endpoint, leak_watch: LeakWatch, text: str) -> None:
        notifier = self._make(endpoint)
        usual = deliver(notifier, endpoint, leak_watch, failed())
        arrived = deliver(notifier, endpoint, leak_watch, hostile(text))
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
        notifier = self._make(endpoint)
        endpoint.fail_with(fault, response)
        with monkeypatch.context() as patch:
            if fault in (Fault.SILENT, Fault.HANGS):
                shorten_socket_timeouts(patch)
            elif fault is Fault.DRIPS:
                shorten_send_limits(patch)
                self.shorten_limits(patch)
            raised = send(notifier, endpoint, leak_watch, failed(), self.send_limit)
        requests = len(endpoint.arrived)
        if fault is Fault.REDIRECTS:
            assert requests == 1, (
                f"send must not follow a redirect, but {requests - 1} more came after the first request"
            )
        check_error(raised, endpoint, fault, response)
        if fault.value.maybe_delivered:
            assert requests <= 1, (
                f"the endpoint {fault.value.endpoint_does}: one send must not repeat the message, and sent {requests}"
            )
        endpoint.recover()
        deliver(notifier, endpoint, leak_watch, failed())

    def test_concurrent_sends_arrive_once_each(self, endpoint: Endpoint, leak_watch: LeakWatch) -> None:
        notifier = self._make(endpoint)
        titles = [f"concurrent-{number:03}-job" for number in range(THREADS * MESSAGES_EACH)]
        messages = [dataclasses.replace(failed(), title=title, key=f"{title}#FAILED") for title in titles]
        start = threading.Barrier(THREADS)

        given = copy.deepcopy(messages)

        def send_all(mine: list[Message]) -> list[BaseException | None]:
            start.wait()
            return [leak_watch.send(notifier, message) for message in mine]

        with ThreadPoolExecutor(THREADS) as threads:
            outcomes = threads.map(send_all, [given[number::THREADS] for number in range(THREADS)])
            raised = [error for each in outcomes for error in each if error]
        check_secrets(endpoint, leak_watch)
        for message, each in zip(messages, given, strict=True):
            check_unchanged(message, each)
        assert not raised, (
            f"{THREADS} threads sent {len(titles)} messages at once, and {len(raised)} sends {outcome_of(raised[0])}"
        )
        check_problems(endpoint, endpoint.accepted)
        texts = [endpoint.text_of(each) for each in endpoint.accepted]
        shown = [[title for title in titles if title in text] for text in texts]
        arrived = sorted(title for each in shown for title in each)
        assert arrived == titles, (
            f"{THREADS} threads sent {len(titles)} messages at once; lost: {sorted(set(titles) - set(arrived))}, "
            f"more than once: {sorted({title for title in arrived if arrived.count(title) > 1})}"
        )
        assert all(len(each) == 1 for each in shown), f"the messages of several threads were mixed: {shown}"

    def test_create_reads_no_secret(self, endpoint: Endpoint) -> None:
        self._make(endpoint)
        assert endpoint.secrets_read == 0, "a secret was read before the first message: call reveal() in send"

    def test_a_secret_that_cannot_be_read_now_is_a_temporary_error(
        self, endpoint: Endpoint, leak_watch: LeakWatch
    ) -> None:
        notifier = self._make(endpoint)
        endpoint.secrets_readable = False
        raised = send(notifier, endpoint, leak_watch, failed())
        if endpoint.secrets_read:
            assert isinstance(raised, TemporaryError), (
                f"reveal() raised TemporaryError, and send {outcome_of(raised)} instead"
            )

    @pytest.mark.parametrize("refused", [False, True], ids=["the store's new one is read", "the channel refuses it"])
    def test_a_rotated_secret_is_noticed(self, endpoint: Endpoint, leak_watch: LeakWatch, refused: bool) -> None:
        notifier = self._make(endpoint)
        if not endpoint.has_secrets:
            return
        deliver(notifier, endpoint, leak_watch, failed())
        accepted, may_be_old = len(endpoint.accepted), refused
        endpoint.rotate_secrets()
        for _ in range(SENDS_AFTER_ROTATION):
            if not refused:
                endpoint.expire_secrets()
            raised = send(notifier, endpoint, leak_watch, failed())
            assert not isinstance(raised, PermanentError), (
                f"the secret was rotated, the channel refused the old one, and send {outcome_of(raised)}: call "
                "secret.refresh() and try the new one, or raise TemporaryError"
            )
            if raised is None:
                break
            refused = False  # minutes later, in which the Lambda reads its secrets anew
        assert raised is None, (
            f"the secret was rotated, and {SENDS_AFTER_ROTATION} sends did not notice it; the last one "
            f"{outcome_of(raised)}: call secret.reveal() in each send"
        )
        count = len(endpoint.accepted) - accepted
        assert count == 1, f"the secret was rotated; then one message was sent, but {count} arrived"
        old = [token for token in endpoint.old_tokens if token in repr(endpoint.accepted[-1])]
        assert may_be_old or not old, "the secret was rotated, and what arrived holds the old one: call secret.reveal()"

    def _make(self, endpoint: Endpoint) -> Notifier:
        __tracebackhide__ = True
        return make_notifier(lambda: self.make(endpoint))
