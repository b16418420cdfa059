"""The conformance tests of `update` pass for a correct notifier, and name the mistake of a faulty one."""

from __future__ import annotations

import pytest

from tests.conformance import update_mistakes as mistakes
from tests.conformance.inner_run import run
from tests.conformance.updating_pager import UpdatingPager

pytest_plugins = ["pytester"]

TEST = """
from batchbell.conformance import {kit}
from tests.conformance import pager
from tests.conformance.{module} import {kind}
from tests.conformance.updating_pager import UpdatingPagerEndpoint

class TestPager({kit}):
    endpoint_type = UpdatingPagerEndpoint
    send_limit = {limit}
    replies = True

    def make(self, endpoint):
        return {kind}(endpoint.secret("webhook"))

    def shorten_limits(self, monkeypatch):
        monkeypatch.setattr(pager, "SEND_LIMIT", 0.6)
"""
UPDATING, PLAIN = "UpdatingNotifierConformance", "NotifierConformance"
# The faulty notifier, the test that fails, and its message.
DETECTED: list[tuple[type[UpdatingPager], str, str]] = [
    (mistakes.UpdatesByPosting, "in_place", "with the receipt 'p1', but it sent a new message"),
    (mistakes.UpdatesTheLastPage, "in_place", "with the receipt 'p1', but it changed 'p2'"),
    (mistakes.UpdatesTheTitleAlone, "in_place", "the summary 'Array job on print-color-queue, running for 3 min 20 s'"),
    (mistakes.LetsMentionsThroughInUpdates, "an_update_is_harmless and mentions", "a mention in summary"),
    (mistakes.CutsNothingInUpdates, "within_the_limits and failures", "characters, more than 5000"),
    (mistakes.SwallowsErrorsOfUpdates, "during_an_update and broken-502", "update must raise TemporaryError, but it"),
    (mistakes.GivesUpUpdates, "during_an_update and busy-429", "update must raise TemporaryError, but it raised Perm"),
    (mistakes.DeniesThatTheUpdateMayHaveArrived, "during_an_update and resets", "maybe_delivered must be True"),
    (mistakes.HasNoLimitForUpdates, "during_an_update and drip and whole", "update did not end within 1.5 s"),
    (mistakes.UpdatesOnce, "may_be_repeated", "but update raised PermanentError('nothing has changed')"),
    (mistakes.CountsUpdates, "may_be_repeated", "the same update shows something else each time"),
    (mistakes.ChangesTheMessageInUpdates, "may_be_repeated", "update changed message.reply_to"),
    (mistakes.PrintsTheWebhookInUpdates, "may_be_repeated", "a secret leaks into standard output"),
    (mistakes.GivesNoReceipt, "gives_a_receipt and failed", "send must give back a receipt, not NoneType"),
    (mistakes.GivesALongReceipt, "gives_a_receipt and failed", "a receipt may have 200 characters, not 202"),
    (mistakes.GivesOneReceiptForAll, "gives_a_receipt and failed", "two messages have one receipt: 'p'"),
    (mistakes.GivesItsSecretAsReceipt, "gives_a_receipt and failed", "a secret leaks into the receipt that send gives"),
    (mistakes.GivesTheAnswerAsReceipt, "gives_a_receipt and failed", "a receipt must be one line, not"),
    (mistakes.RepliesToNothing, "reply_arrives", "a message with reply_to='p1' arrived as a reply to ''"),
    (mistakes.CutsCommands, "by_update_as_it_is", "a part of the command 'zz0end terminate-job"),
]
OF_EVERY_NOTIFIER: list[tuple[type[UpdatingPager], str, str]] = [
    (mistakes.CutsCommands, "a_command_arrives", "a part of the command 'zz0end terminate-job"),
    (mistakes.WritesCommandsAnew, "a_command_arrives", "a part of the command 'zz0end terminate-job"),
    (mistakes.UpdatesUntested, "is_tested_with_it", "has update: subclass UpdatingNotifierConformance"),
    (mistakes.GivesItsSecretAsReceipt, "once and failed", "a secret leaks into the receipt that send gives back"),
]


def run_kit(
    pytester: pytest.Pytester, kind: type[UpdatingPager], chosen: str, kit: str = UPDATING, limit: float = 1.5
) -> pytest.RunResult:
    module = kind.__module__.rpartition(".")[2]
    return run(pytester, TEST.format(module=module, kind=kind.__name__, kit=kit, limit=limit), "-k", chosen)


def test_a_correct_notifier_passes(pytester: pytest.Pytester) -> None:
    outcomes = run_kit(
        pytester, UpdatingPager, "(update or receipt or reply or command) and not 10000", limit=10
    ).parseoutcomes()
    assert set(outcomes) == {"passed", "deselected"}
    assert outcomes["passed"] > 40


@pytest.mark.parametrize(
    ("kind", "chosen", "says", "kit"),
    [*((*one, UPDATING) for one in DETECTED), *((*one, PLAIN) for one in OF_EVERY_NOTIFIER)],
    ids=[f"{kind.__name__}-{chosen}" for kind, chosen, _ in (*DETECTED, *OF_EVERY_NOTIFIER)],
)
def test_a_mistake_is_detected_and_named(
    pytester: pytest.Pytester, kind: type[UpdatingPager], chosen: str, says: str, kit: str
) -> None:
    result = run_kit(pytester, kind, chosen, kit)
    assert "failed" in result.parseoutcomes(), f"the tests did not detect it: {result.outlines}"
    assert says in "\n".join(result.outlines)
