"""Sends a message in a conformance test, and checks what holds for every send."""

from __future__ import annotations

import math
import pickle
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from batchbell.conformance.endpoint import Endpoint
from batchbell.conformance.fault import Fault
from batchbell.conformance.leak_watch import LeakWatch
from batchbell.conformance.unchanged import find_change
from batchbell.contract import Message, Notifier, PermanentError, TemporaryError

BUSY_MACHINE_LIMIT = 60.0  # seconds that a send may take where nothing fails but this machine is busy
REASON_LIMIT = 1_000  # characters


def make_notifier(make: Callable[[], Notifier]) -> Notifier:
    """Call `make` in a thread, so that nothing that the notifier raises ends the tests."""
    __tracebackhide__ = True
    outcome: list[Notifier | BaseException] = []

    def run() -> None:
        try:
            outcome.append(make())
        except BaseException as error:
            outcome.append(error)

    if not _ends_within(BUSY_MACHINE_LIMIT, run):
        pytest.fail(f"make did not end within {BUSY_MACHINE_LIMIT:g} s")
    match outcome[0]:
        case Exception() | pytest.fail.Exception() | pytest.skip.Exception() as error:
            raise error
        case BaseException() as error:
            pytest.fail(f"make {outcome_of(error)}")
        case notifier:
            return notifier


def deliver(
    notifier: Notifier, endpoint: Endpoint, leak_watch: LeakWatch, message: Message, receipt: str | None = None
) -> Any:
    """Send to an endpoint that accepts messages; return what arrived.

    receipt: of a message that is updated; None: `send` makes a new one.
    """
    __tracebackhide__ = True
    arrived, accepted = len(endpoint.arrived), len(endpoint.accepted)
    raised = send(notifier, endpoint, leak_watch, message, receipt=receipt)
    check_problems(endpoint, endpoint.arrived[arrived:])
    assert raised is None, f"the endpoint accepts messages, but {_call(receipt)} {outcome_of(raised)}"
    count = len(endpoint.accepted) - accepted
    assert count == 1, f"one message was {'sent' if receipt is None else 'updated'}, but {count} arrived"
    return endpoint.accepted[-1]


def send(
    notifier: Notifier,
    endpoint: Endpoint,
    leak_watch: LeakWatch,
    message: Message,
    limit: float = BUSY_MACHINE_LIMIT,
    receipt: str | None = None,
) -> BaseException | None:
    """Send in a thread, so that an endless send fails the test; return what it raised.

    receipt: as in `deliver`.
    """
    __tracebackhide__ = True
    outcome: list[BaseException | None] = []
    given = pickle.loads(pickle.dumps(message))  # a deep copy, in a fifth of the time
    before = pickle.dumps(given)
    if not _ends_within(limit, lambda: outcome.append(leak_watch.send(notifier, given, receipt))):
        pytest.fail(
            f"{_call(receipt)} did not end within {limit:g} s: it needs one limit for the whole exchange, since each "
            "byte that arrives restarts a read timeout (see batchbell.time_limit)"
        )
    check_secrets(endpoint, leak_watch)
    if not _is_written_as(given, before):  # much faster to see than what has changed
        check_unchanged(message, given, "send or render" if receipt is None else "update")
    return outcome[0]


def _is_written_as(message: Message, written: bytes) -> bool:
    """Whether the message is as it was, down to its types and further attributes; False if in doubt."""
    try:
        return pickle.dumps(message) == written
    except Exception:  # it holds what cannot be written
        return False


def _call(receipt: str | None) -> str:
    return "send" if receipt is None else "update"


def _ends_within(limit: float, call: Callable[[], None]) -> bool:
    """Run `call` in a thread; False if it goes on after `limit` seconds."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(limit)
    return not thread.is_alive()


def check_unchanged(message: Message, given: Message, call: str = "send or render") -> None:
    """Fail if the notifier changed `given`, a copy of the message."""
    __tracebackhide__ = True
    changed = find_change(message, given)
    assert changed is None, (
        f"{call} changed {changed}: other notifiers may get the same message, so make a new one (dataclasses.replace)"
    )


def check_secrets(endpoint: Endpoint, leak_watch: LeakWatch) -> None:
    """Fail if a secret leaked."""
    __tracebackhide__ = True
    found = leak_watch.find(endpoint.secret_texts)
    assert not found, f"a secret leaks into {found[0]}"


def check_problems(endpoint: Endpoint, arrived: Sequence[Any]) -> None:
    """Fail if the channel would refuse what arrived."""
    __tracebackhide__ = True
    problems = [problem for each in arrived if (problem := endpoint.find_problem(each))]
    assert not problems, f"the endpoint does not accept what arrived: {problems[0]}"


def check_error(
    raised: BaseException | None, endpoint: Endpoint, fault: Fault, response: Any, call: str = "send"
) -> None:
    """Fail unless `send`, or what `call` names, raised the right error during the fault."""
    __tracebackhide__ = True
    expected = fault.value
    allowed = " or ".join(kind.__name__ for kind in expected.raises)
    assert isinstance(raised, expected.raises), (
        f"the endpoint {expected.endpoint_does} ({endpoint.name_of(response)}): "
        f"{call} must raise {allowed}, but it {outcome_of(raised)}"
    )
    assert isinstance(raised, TemporaryError | PermanentError)
    reason = raised.reason
    assert reason.strip() and reason.isprintable(), f"a reason must be one line of text, not {reason!r}"
    assert len(reason) <= REASON_LIMIT, f"a reason may have {REASON_LIMIT} characters, not {len(reason)}"
    if isinstance(raised, TemporaryError):
        _check_temporary(raised, endpoint, fault, response)


def _check_temporary(raised: TemporaryError, endpoint: Endpoint, fault: Fault, response: Any) -> None:
    __tracebackhide__ = True
    expected = fault.value
    wait = raised.retry_after
    assert wait is None or (isinstance(wait, int | float) and math.isfinite(wait) and wait >= 0), (
        f"the endpoint {expected.endpoint_does} ({endpoint.name_of(response)}): retry_after must be None or a "
        f"number of seconds from 0 on, not {wait!r}"
    )
    if expected.maybe_delivered is not None:
        assert raised.maybe_delivered is expected.maybe_delivered, (
            f"the endpoint {expected.endpoint_does}: maybe_delivered must be {expected.maybe_delivered}, so that a "
            f"repeat is marked correctly, not {raised.maybe_delivered}"
        )
    if (asked := endpoint.retry_after_of(response)) is not None:
        assert raised.retry_after == asked, (
            f"the endpoint asked to wait {asked:g} s (Retry-After), but retry_after is {raised.retry_after}"
        )


def outcome_of(raised: BaseException | None) -> str:
    """Return the end of a sentence that begins with "send"."""
    match raised:
        case None:
            return "raised nothing, which counts as delivered"
        case TemporaryError() | PermanentError():
            return f"raised {type(raised).__name__}({raised.reason!r})"
        case Exception():  # its text may be anything
            return f"raised {type(raised).__name__}"
        case _:
            return f"raised {type(raised).__name__}, which no notifier may: it is meant to end the whole process"
