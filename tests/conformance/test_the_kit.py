"""The kit passes a notifier that does all as it should, and fails one with a mistake, in words that say which."""

from __future__ import annotations

import pytest

from tests.conformance import leaks, mistakes
from tests.conformance.pager import Pager

pytest_plugins = ["pytester"]

CONFORMANCE_TEST = """
from batchbell.conformance import Fault, NotifierConformance
from tests.conformance import pager
from tests.conformance.{module} import {kind}

class TestPager(NotifierConformance):
    endpoint_type = pager.PagerEndpoint
    send_limit = 1.5

    def make(self, endpoint):
        return {kind}(endpoint.secret("webhook"))
"""
EITHER = "that is PermanentError or TemporaryError, and send raised nothing"
NOTHING = "and send raised nothing, which counts as delivered"
# The notifier, the test that finds it out, and what that says.
FOUND_OUT: list[tuple[type[Pager], str, str]] = [
    (mistakes.SwallowsErrors, "broken-502", f"has trouble of its own (502): that is TemporaryError, {NOTHING}"),
    (mistakes.RaisesAnything, "broken-502", "that is TemporaryError, and send raised OSError"),
    (mistakes.TakesGoneForSent, "gone-404", f"is not there any more (404): that is PermanentError, {NOTHING}"),
    (mistakes.TakesAnyWordForSent, "strange-202", f"accepts, but not in the words that it always uses (202): {EITHER}"),
    (
        mistakes.GivesUpOnTrouble,
        "busy-429",
        "that is TemporaryError, and send raised PermanentError('the pager",
    ),
    (mistakes.FollowsRedirects, "redirects-307", "a redirect is not followed, and after the first request 1 more came"),
    (mistakes.IgnoresRetryAfter, "busy-429", "the endpoint asked to wait 17 s (Retry-After), and retry_after is None"),
    (mistakes.HasNoLimit, "drip-whole", "send did not end within 1.5 s: it needs one limit for the whole exchange"),
    (mistakes.DeniesThatItMayHaveArrived, "resets", "maybe_delivered is True then"),
    (mistakes.SendsAgainAtOnce, "resets-200-cut-before", "the message was sent 2 times in one send"),
    (mistakes.SendsTwice, "once[succeeded]", "one message was sent, and 2 arrived"),
    (mistakes.SharesState, "concurrent", "4 threads sent 20 messages at once; lost: ['concurrent-0"),
    (
        mistakes.StaysDown,
        "broken-502",
        "takes messages, and send raised TemporaryError('the pager is down')",
    ),
    (mistakes.CutsNothing, "once[10000-failures]", "characters, more than 200"),
    (mistakes.CutsNothing, "harmless[long]", "characters, more than 200"),
    (mistakes.LetsMentionsThrough, "harmless[mentions]", "is not what its endpoint accepts: a mention in summary"),
    (mistakes.LetsControlCharactersThrough, "harmless[headers]", "characters that no reader sees are in what arrived"),
    (mistakes.LosesTheTitle, "once[failed]", "the title 'print-color: 3 of 7 children failed' is not in what arrived"),
    (mistakes.MakesHeadersOfTexts, "harmless[headers]", "a text of the message became a header: bcc"),
    (mistakes.FailsOnEmptyTexts, "harmless[empty]", "the endpoint takes messages, and send raised ValueError"),
    (mistakes.ReadsItsSecretAtOnce, "reads_no_secret", "a secret was read before the first message"),
    (mistakes.TakesAnUnreadSecretForABug, "secret_that_cannot", "reveal() raised TemporaryError, and send raised Perm"),
    (mistakes.ExplainsAtLength, "refused-400", "a reason is one line of text"),
    (leaks.RepeatsTheAnswer, "forbidden-403", "a secret shows in what send raised: 403 POST /hook/(the secret)"),
    (leaks.Logs, "once[failed]", "a secret shows in a log line of some.library, DEBUG: POST http://127.0.0.1:"),
    (leaks.Prints, "once[failed]", "a secret shows in standard output"),
    (leaks.PrintsItEncoded, "once[failed]", "a secret shows in standard output: Authorization: Basic "),
    (leaks.SaysWhy, "once[failed]", "a secret shows in what send raised: no answer from http://127.0.0.1"),
    (leaks.HasACause, "once[failed]", "a secret shows in what send raised"),
    (leaks.HasAContext, "once[failed]", "a secret shows in what send raised"),
    (leaks.HasItInAField, "once[failed]", "a secret shows in what send raised"),
    (leaks.FailsInAThread, "once[failed]", "a secret shows in an exception in a thread"),
    (leaks.ShowsItself, "once[failed]", "a secret shows in the notifier's repr: Pager("),
    (leaks.RendersIt, "once[failed]", "a secret shows in what render gives"),
]


def conformance_test(kind: type[Pager]) -> str:
    return CONFORMANCE_TEST.format(module=kind.__module__.rpartition(".")[2], kind=kind.__name__)


def run(pytester: pytest.Pytester, test: str, *options: str) -> pytest.RunResult:
    pytester.makepyfile(test_conformance=test)
    return pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", *options)


def test_a_notifier_that_does_all_as_it_should_passes(pytester: pytest.Pytester) -> None:
    result = run(pytester, conformance_test(Pager))
    outcomes = result.parseoutcomes()
    assert set(outcomes) == {"passed"}, result.outlines
    assert outcomes["passed"] > 40


@pytest.mark.parametrize(
    ("kind", "test", "says"), FOUND_OUT, ids=[f"{kind.__name__}-{test}" for kind, test, _ in FOUND_OUT]
)
def test_a_mistake_is_found_out_and_named(pytester: pytest.Pytester, kind: type[Pager], test: str, says: str) -> None:
    result = run(pytester, conformance_test(kind), "-k", test.replace("[", " and ").rstrip("]"))
    assert "failed" in result.parseoutcomes(), f"the kit did not find it out: {result.outlines}"
    message = "\n".join(line for line in result.outlines if line.startswith("E  "))
    assert says in message
