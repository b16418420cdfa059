"""The conformance tests pass for a correct notifier, and name the mistake of a faulty one."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
import uuid
from pathlib import Path

import pytest

from batchbell import conformance
from batchbell.conformance.messages import MESSAGES
from batchbell.conformance.secret_texts import find_secret, make_token
from tests.conformance import leaks, mistakes
from tests.conformance.inner_run import run
from tests.conformance.pager import Pager

pytest_plugins = ["pytester"]

CONFORMANCE_TEST = """
from batchbell.conformance import NotifierConformance
from tests.conformance import pager
from tests.conformance.{module} import {kind}

class TestPager(NotifierConformance):
    endpoint_type = pager.PagerEndpoint
    send_limit = 1.5

    def make(self, endpoint):
        return {kind}(endpoint.secret("webhook"))

    def shorten_limits(self, monkeypatch):
        monkeypatch.setattr(pager, "SEND_LIMIT", 0.6)
"""
TEST_OF_THE_POSTBOX = """
from batchbell.conformance import NotifierConformance
from tests.conformance.postbox import Postbox, PostboxEndpoint

class TestPostbox(NotifierConformance):
    endpoint_type = PostboxEndpoint

    def make(self, endpoint):
        return Postbox(endpoint)
"""
NEVER_GONE = """
from batchbell.conformance import Fault
from tests.conformance import pager

class NeverGone(pager.PagerEndpoint):
    responses = pager.PagerEndpoint.responses | {Fault.GONE: []}
"""
NOTIFIER_OF_THE_EXAMPLE = """
from tests.conformance import pager

SEND_LIMIT = 3.0

class OfTheExample(pager.Pager):
    @property
    def limit(self):
        return SEND_LIMIT

def create(settings, secrets):
    return OfTheExample(secrets["webhook"])
"""
PROJECT = Path(__file__).parents[2]
EITHER = "send must raise PermanentError or TemporaryError, but it raised nothing"
NOTHING = "but it raised nothing, which counts as delivered"
# The faulty notifier, the test that fails, and its message.
DETECTED: list[tuple[type[Pager], str, str]] = [
    (mistakes.SwallowsErrors, "broken-502", f"has an internal error (502): send must raise TemporaryError, {NOTHING}"),
    (mistakes.RaisesAnything, "broken-502", "send must raise TemporaryError, but it raised OSError"),
    (mistakes.TakesGoneForSent, "gone-404", f"no longer exists (404): send must raise PermanentError, {NOTHING}"),
    (mistakes.TakesAnyWordForSent, "false_success-202", f"but not with its own success body (202): {EITHER}"),
    (
        mistakes.GivesUpOnTrouble,
        "busy-429",
        "send must raise TemporaryError, but it raised PermanentError('the pager",
    ),
    (mistakes.FollowsRedirects, "redirects-307", "send must not follow a redirect, but 1 more came after the first"),
    (mistakes.IgnoresRetryAfter, "busy-429", "the endpoint asked to wait 17 s (Retry-After), but retry_after is None"),
    (mistakes.HasNoLimit, "drip-whole", "send did not end within 1.5 s: it needs one limit for the whole exchange"),
    (mistakes.DeniesThatItMayHaveArrived, "resets", "maybe_delivered must be True"),
    (mistakes.SendsAgainAtOnce, "resets-200-cut-before", "one send must not repeat the message, and sent 2"),
    (mistakes.SendsTwice, "once[succeeded]", "one message was sent, but 2 arrived"),
    (mistakes.SharesState, "concurrent", "4 threads sent 20 messages at once; lost: ['concurrent-0"),
    (mistakes.TakesOneThreadAlone, "concurrent", "4 threads sent 20 messages at once, and "),
    (mistakes.PutsMessagesTogether, "concurrent", "the messages of several threads were mixed"),
    (
        mistakes.StaysDown,
        "broken-502",
        "accepts messages, but send raised TemporaryError('the pager is down')",
    ),
    (mistakes.CutsNothing, "harmless[long]", "characters, more than 200"),
    (
        mistakes.LetsMentionsThrough,
        "harmless[mentions]",
        "the endpoint does not accept what arrived: a mention in summary",
    ),
    (mistakes.LetsControlCharactersThrough, "harmless[headers]", "invisible characters arrived"),
    (mistakes.LosesTheTitle, "once[failed]", "the title 'print-color: 3 of 7 children failed' did not arrive"),
    (mistakes.CutsTheOutcome, "long_job_name", "'succeeded: all 10,000 children' did not arrive behind a name of 128"),
    (mistakes.MakesHeadersOfTexts, "harmless[headers]", "a text of the message became a header: bcc"),
    (mistakes.FailsOnEmptyTexts, "harmless[empty]", "the endpoint accepts messages, but send raised ValueError"),
    (mistakes.ReadsItsSecretAtOnce, "reads_no_secret", "a secret was read before the first message"),
    (mistakes.TakesAnUnreadSecretForABug, "secret_that_cannot", "reveal() raised TemporaryError, and send raised Perm"),
    (mistakes.NeverStopsExplaining, "refused-400", "a reason may have 1000 characters, not 50"),
    (mistakes.ExplainsInLines, "refused-400", "a reason must be one line of text"),
    (leaks.RepeatsTheAnswer, "forbidden-403", "a secret leaks into what send raised: 403 POST /hook/(the secret)"),
    (leaks.Logs, "once[failed]", "a secret leaks into a log line of some.library, DEBUG: POST http://127.0.0.1:"),
    (leaks.Prints, "once[failed]", "a secret leaks into standard output"),
    (leaks.PrintsItEncoded, "once[failed]", "a secret leaks into standard output: Authorization: Basic "),
    (leaks.SaysWhy, "once[failed]", "a secret leaks into what send raised: no answer from http://127.0.0.1"),
    (leaks.HasACause, "once[failed]", "a secret leaks into what send raised"),
    (leaks.HasAContext, "once[failed]", "a secret leaks into what send raised"),
    (leaks.HasItInAField, "once[failed]", "a secret leaks into what send raised"),
    (leaks.FailsInAThread, "once[failed]", "a secret leaks into an exception in a thread"),
    (leaks.ShowsItself, "once[failed]", "a secret leaks into the notifier's repr: Pager("),
    (leaks.RendersIt, "once[failed]", "a secret leaks into what render gives"),
    (leaks.PrintsItInHexadecimal, "once[failed]", "(the secret in hexadecimal)"),
    (leaks.PrintsItsBeginning, "once[failed]", "a log line of pager, INFO: posting to http://127.0.0.1:"),
    (leaks.PrintsItsBeginning, "once[failed]", "/hook/(a part of the secret)…"),
    (leaks.PrintsItsEnd, "once[failed]", "the webhook that ends with (a part of the secret)"),
    (leaks.NamesAPart, "once[failed]", "what send raised: no such webhook: (a part of the secret)"),
    (leaks.PrintsABeginningInHexadecimal, "once[failed]", "(a part of the secret in hexadecimal)"),
    (mistakes.SendsTheTitleAlone, "whole[failed]", "the summary 'Array job on print-color-queue, 3 min 20 s after"),
    (mistakes.DropsNotes, "whole[failed]", "a note, without which a repeat looks like a second event, 'This may be a "),
    (mistakes.ForgetsWhichJobsMayBeRepeats, "whole[digest]", "a job of a digest that may be a repeat"),
    (mistakes.KeepsItsFirstSecret, "rotated", "the secret was rotated, and 3 sends did not notice it; the last one "),
    (mistakes.NeverReadsItsSecretAnew, "rotated", "the channel refused the old one, and send raised PermanentError"),
    (mistakes.TakesRetryAfterForANumber, "busy-429", "send must raise TemporaryError, but it raised ValueError"),
    (mistakes.TakesRetryAfterForANumber, "busy-429", "429-Retry-After: Fri, 31 Dec 2066 23:59:59 GMT"),
    (mistakes.WaitsForever, "busy-429", "retry_after must be None or a number of seconds from 0 on, not inf"),
    (mistakes.LetsAnyLinkThrough, "only_links", "a link to 'javascript:wrong0script()' arrived: only https:// links"),
    (mistakes.LinksLogsAnywhere, "only_links", "a link to 'javascript:wrong0script()' arrived: only https:// links"),
    (mistakes.ChangesTheTitle, "once[failed]", "send or render changed message.title: other notifiers may get"),
    (mistakes.ChangesAFact, "once[failed]", "send or render changed message.facts[0].value"),
    (mistakes.ChangesAFact, "concurrent", "send or render changed message.facts[0].value"),
    (mistakes.LeavesANoteInTheMessage, "once[failed]", "send or render changed message.sent_by_the_pager"),
    (mistakes.EndsTheProcess, "once[failed]", "send raised SystemExit, which no notifier may"),
    (mistakes.EndsTheProcess, "concurrent", "and 20 sends raised SystemExit, which no notifier may"),
    (mistakes.InterruptsTheProcess, "broken-502", "send must raise TemporaryError, but it raised KeyboardInterrupt"),
    (mistakes.EndsTheProcessWhenItIsMade, "once[failed]", "make raised SystemExit, which no notifier may"),
    (mistakes.EndsTheProcessWhenItIsShown, "once[failed]", "send raised KeyboardInterrupt, which no notifier may"),
]


def conformance_test(kind: type[Pager]) -> str:
    return CONFORMANCE_TEST.format(module=kind.__module__.rpartition(".")[2], kind=kind.__name__)


def test_a_correct_notifier_passes_the_test_in_the_docstring(pytester: pytest.Pytester) -> None:
    package = pytester.mkpydir("batchbell_pager")
    (package / "notifier.py").write_text(NOTIFIER_OF_THE_EXAMPLE)
    pytester.syspathinsert()
    example = re.search(r"(?ms)^    import json\n.*?(?=^\S)", str(conformance.__doc__))
    assert example is not None
    outcomes = run(pytester, textwrap.dedent(example[0])).parseoutcomes()
    assert set(outcomes) == {"passed"}
    assert outcomes["passed"] > 40


def test_a_channel_that_does_not_speak_http_can_be_tested(pytester: pytest.Pytester) -> None:
    outcomes = run(pytester, TEST_OF_THE_POSTBOX).parseoutcomes()
    assert set(outcomes) == {"passed"}
    assert outcomes["passed"] > 30


def test_an_endpoint_that_cannot_fail_in_every_way_is_reported(pytester: pytest.Pytester) -> None:
    test = conformance_test(Pager).replace("endpoint_type = pager.PagerEndpoint", "endpoint_type = NeverGone")
    result = run(pytester, NEVER_GONE + test, "-k", "fail_in_every_way")
    assert "NeverGone.responses has no response for GONE" in "\n".join(result.outlines)


@pytest.mark.installed
def test_without_pytest_the_kit_says_what_to_install() -> None:
    code = "import sys; sys.modules['pytest'] = None; import batchbell.conformance"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=PROJECT)
    assert ended.stderr.splitlines()[-1].endswith(
        "batchbell.conformance needs pytest: pip install 'batchbell[conformance]'"
    )


def test_a_channel_with_little_room_may_leave_parts_out_but_no_notes(pytester: pytest.Pytester) -> None:
    for kind, left_out, outcome in (
        (mistakes.SendsTheTitleAlone, '"summary", "facts", "failures", "links", "jobs"', "a note"),
        (mistakes.DropsNotes, '"notes"', "leaves_out may not hold 'notes'"),
        (mistakes.ForgetsWhichJobsMayBeRepeats, '"jobs"', "passed"),
    ):
        test = f"{conformance_test(kind)}\n    leaves_out = {{{left_out}}}\n"
        assert outcome in "\n".join(run(pytester, test, "-k", "whole").outlines)


def test_no_part_of_a_token_is_in_other_texts() -> None:
    token = make_token()
    other = f"{MESSAGES} {Path(conformance.__file__).read_text()} {uuid.uuid4()} {make_token()[:3]}"

    assert find_secret(token, other) is None
    assert find_secret(token, f"a {token[3:9]} b\nc") == "a (a part of the secret) b"
    assert find_secret(token, f"a\n{token}{token[:4]} b") == "(the secret) b"


@pytest.mark.parametrize(
    ("kind", "test", "says"), DETECTED, ids=[f"{kind.__name__}-{test}" for kind, test, _ in DETECTED]
)
def test_a_mistake_is_detected_and_named(pytester: pytest.Pytester, kind: type[Pager], test: str, says: str) -> None:
    result = run(pytester, conformance_test(kind), "-k", test.replace("[", " and ").rstrip("]"))
    assert "failed" in result.parseoutcomes(), f"the tests did not detect it: {result.outlines}"
    assert says in "\n".join(result.outlines)
