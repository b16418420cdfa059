"""What a busy machine may add to a delivery: a send whose answer came too late, and the repeat that it allows.

The promise (docs/architecture.md, "Delivery"): a message arrives twice only if the function dies or an answer is lost
between a channel's acceptance and the ledger's commit, and the second copy then says so. Without a fault a test sees
one message; where the machine was too slow for an answer, the function's log has it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

FIRST, REPEAT = "first", "may be a repeat"  # whether a message is marked as a possible repeat


def mark_of(text: str) -> str:
    """Return FIRST or REPEAT for a message's texts."""
    return REPEAT if REPEAT in text else FIRST


def unanswered_sends(log: str, name: str) -> Mapping[str, int]:
    """Count the sends of a job whose answer the function did not get, by notifier.

    log: the function's
    name: the job's
    """
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{") and '"unknown"' in line]
    return Counter(line["notifier"] for line in lines if (line.get("job"), line.get("result")) == (name, "unknown"))


def is_expected(outcomes: Sequence[tuple[str, str]], expected: Sequence[str], may_repeat: str = "") -> bool:
    """Whether a notifier's attempts ended as expected, apart from sends without an answer that the test did not plant.

    outcomes: of each attempt the text, as in `expected`, and the result
    may_repeat: a text that may come several times in a row where one is expected
    """
    late = [text for text, result in outcomes if result == "unknown" and text not in expected]
    rest = [text for text, _ in outcomes if text not in late]
    rest = [text for before, text in pairwise(["", *rest]) if not text == before == may_repeat]
    # An answer that came after the function gave up may still have settled it.
    settled = [("sent" if late and text == "already-sent" else text) for text in rest]
    return list(expected) in (rest, settled)


def is_explained(copies: Sequence[str], expected: Sequence[str], unanswered: int) -> bool:
    """Whether a channel may have got these copies of a message, each FIRST or REPEAT, where others were expected.

    unanswered: its sends without an answer. Each that the test did not plant allows one copy more, which is marked;
    and where the first send did not arrive, the first copy is marked, too. Nothing explains a missing message, or one
    that the channel must not get, or a second copy that is not marked.
    """
    unplanted = max(0, unanswered - expected.count(REPEAT))
    if list(copies) == list(expected):
        return True
    return (
        bool(unplanted and expected)
        and len(expected) <= len(copies) <= len(expected) + unplanted
        and copies.count(FIRST) <= expected.count(FIRST)
    )
