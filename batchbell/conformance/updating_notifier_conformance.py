"""The conformance tests of a notifier that can change what it has sent: a class for pytest to collect."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import pytest

from batchbell.conformance.endpoint import Endpoint
from batchbell.conformance.fault import Fault
from batchbell.conformance.leak_watch import LeakWatch
from batchbell.conformance.messages import (
    HOSTILE_TEXTS,
    MESSAGES,
    as_live,
    failed,
    hostile,
    opening,
    running,
    warning,
)
from batchbell.conformance.notifier_conformance import INVISIBLE, NotifierConformance
from batchbell.conformance.sending import check_error, deliver, send
from batchbell.conformance.shortened_limits import shorten_send_limits, shorten_socket_timeouts
from batchbell.conformance.whole_message import find_changed_command, find_missing
from batchbell.contract import Message, Notifier
from batchbell.texts import RECEIPT_LIMIT

STATES = {"running": running(), "the outcome": as_live(failed())}


class UpdatingNotifierConformance(NotifierConformance):
    """Also tests `update`. Its endpoint implements `replaces`, and `answers` if the notifier sends replies."""

    tests_update = True
    replies: ClassVar[bool] = False  # a message with `reply_to` becomes a reply to the message that has this receipt

    @pytest.mark.parametrize("kind", MESSAGES)
    def test_send_gives_a_receipt(self, endpoint: Endpoint, leak_watch: LeakWatch, kind: str) -> None:
        notifier = self._make(endpoint)
        receipts = [self._send(notifier, endpoint, leak_watch, message) for message in (MESSAGES[kind], opening())]
        assert receipts[0] != receipts[1], f"two messages have one receipt: {receipts[0]!r}"

    @pytest.mark.parametrize("state", STATES)
    def test_an_update_arrives_in_place_of_the_message(
        self, endpoint: Endpoint, leak_watch: LeakWatch, state: str
    ) -> None:
        notifier, message = self._make(endpoint), STATES[state]
        first, other = (self._send(notifier, endpoint, leak_watch, one) for one in (opening(), opening()))
        for receipt in (first, other, first):
            text = endpoint.text_of(self._update(notifier, endpoint, leak_watch, message, receipt))
            missing = find_missing(message, text, self.leaves_out)
            assert missing is None, f"{missing} did not arrive by update; this did: {text[:2000]!r}"

    def test_an_update_may_be_repeated(self, endpoint: Endpoint, leak_watch: LeakWatch) -> None:
        notifier = self._make(endpoint)
        receipt = self._send(notifier, endpoint, leak_watch, opening())
        texts = {endpoint.text_of(self._update(notifier, endpoint, leak_watch, running(), receipt)) for _ in range(3)}
        assert len(texts) == 1, "the same update shows something else each time"

    @pytest.mark.parametrize("kind", MESSAGES)
    def test_an_update_with_any_message_is_within_the_limits(
        self, endpoint: Endpoint, leak_watch: LeakWatch, kind: str
    ) -> None:
        notifier, message = self._make(endpoint), as_live(MESSAGES[kind])
        receipt = self._send(notifier, endpoint, leak_watch, opening())
        text = endpoint.text_of(self._update(notifier, endpoint, leak_watch, message, receipt))
        assert message.title in text, f"the title {message.title!r} did not arrive by update; this did: {text[:500]!r}"

    def test_a_command_arrives_by_update_as_it_is_or_not_at_all(
        self, endpoint: Endpoint, leak_watch: LeakWatch
    ) -> None:
        notifier, message = self._make(endpoint), as_live(warning())
        receipt = self._send(notifier, endpoint, leak_watch, opening())
        changed = find_changed_command(
            message, endpoint.text_of(self._update(notifier, endpoint, leak_watch, message, receipt))
        )
        assert changed is None, f"a part of the command {changed!r} arrived by update: show it as it is or leave it out"

    @pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS)
    def test_hostile_text_in_an_update_is_harmless(self, endpoint: Endpoint, leak_watch: LeakWatch, text: str) -> None:
        notifier, message = self._make(endpoint), as_live(hostile(text))
        receipt = self._send(notifier, endpoint, leak_watch, opening())
        arrived = self._update(notifier, endpoint, leak_watch, message, receipt)
        shown = sorted({f"U+{ord(found):04X}" for found in INVISIBLE.findall(endpoint.text_of(arrived))})
        assert not shown, f"invisible characters arrived by update: {', '.join(shown)} (see texts.tidy)"

    def test_each_fault_during_an_update_raises_the_right_error(
        self, endpoint: Endpoint, leak_watch: LeakWatch, fault: Fault, response: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        notifier = self._make(endpoint)
        receipt = self._send(notifier, endpoint, leak_watch, opening())
        endpoint.fail_with(fault, response)
        with monkeypatch.context() as patch:
            if fault in (Fault.SILENT, Fault.HANGS):
                shorten_socket_timeouts(patch)
            elif fault is Fault.DRIPS:
                shorten_send_limits(patch)
                self.shorten_limits(patch)
            raised = send(notifier, endpoint, leak_watch, running(), self.send_limit, receipt)
        check_error(raised, endpoint, fault, response, "update")
        endpoint.recover()
        self._update(notifier, endpoint, leak_watch, running(), receipt)

    def test_a_reply_arrives_in_its_thread(self, endpoint: Endpoint, leak_watch: LeakWatch) -> None:
        if not self.replies:
            return
        notifier = self._make(endpoint)
        receipt = self._send(notifier, endpoint, leak_watch, opening())
        for reply_to in (receipt, ""):
            message = dataclasses.replace(failed(), reply_to=reply_to)
            answered = endpoint.answers(deliver(notifier, endpoint, leak_watch, message))
            assert answered == reply_to, f"a message with reply_to={reply_to!r} arrived as a reply to {answered!r}"

    def _send(self, notifier: Notifier, endpoint: Endpoint, leak_watch: LeakWatch, message: Message) -> str:
        """Send it as a new message, and return its receipt."""
        __tracebackhide__ = True
        arrived = deliver(notifier, endpoint, leak_watch, message)
        assert endpoint.replaces(arrived) is None, "send changed another message"
        receipt = leak_watch.given
        assert isinstance(receipt, str) and receipt, f"send must give back a receipt, not {type(receipt).__name__}"
        assert len(receipt) <= RECEIPT_LIMIT, f"a receipt may have {RECEIPT_LIMIT} characters, not {len(receipt)}"
        assert receipt.isprintable() and receipt == receipt.strip(), f"a receipt must be one line, not {receipt!r}"
        return receipt

    def _update(
        self, notifier: Notifier, endpoint: Endpoint, leak_watch: LeakWatch, message: Message, receipt: str
    ) -> Any:
        __tracebackhide__ = True
        arrived = deliver(notifier, endpoint, leak_watch, message, receipt)
        replaced = endpoint.replaces(arrived)
        assert replaced == receipt, f"update must change the message with the receipt {receipt!r}, but " + (
            "it sent a new message" if replaced is None else f"it changed {replaced!r}"
        )
        return arrived
