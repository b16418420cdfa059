"""One call of a notifier's `send` or `update`: the border to code that a third party may have written."""

from __future__ import annotations

import copy
from types import NoneType
from typing import Any

from batchbell.contract import (
    Command,
    DigestEntry,
    Fact,
    FailureGroup,
    Link,
    Message,
    Notifier,
    PermanentError,
    Progress,
    TemporaryError,
)
from batchbell.dispatcher.delivery.outcome import Outcome, Result, refusal, unknown
from batchbell.texts import RECEIPT_LIMIT, one_line

_CONSTANT = (str, int, float, NoneType)  # nobody can change these
_PARTS = (Message, Fact, FailureGroup, Link, DigestEntry, Command, Progress)


def attempt(notifier: Notifier, message: Message, claim_ends: float, receipt: str = "") -> Outcome:
    """Send the message. Never raises, whatever the notifier does.

    claim_ends: epoch seconds.
    receipt: of a message that is to show this one; "": it is a new one.

    The notifier gets a copy, so that it cannot change the message for others. Of an exception that is none of the
    contract's, only the type is kept: its text may hold a secret. SystemExit and its like are caught, too: they would
    end a thread that has more to send, and Python would print their text.
    """
    try:
        if receipt:
            updating: Any = notifier
            updating.update(_copy(message), receipt)
            return Outcome(Result.SENT)
        return Outcome(Result.SENT, receipt=_receipt(notifier.send(_copy(message))))
    except (PermanentError, TemporaryError) as error:
        try:
            return refusal(error, claim_ends)
        except BaseException:  # its fields raise
            return unknown(f"the notifier raised {type(error).__name__}", claim_ends)
    except BaseException as error:
        return unknown(f"the notifier raised {type(error).__name__}", claim_ends)


def _receipt(given: Any) -> str:
    """Return it if it is one. Cut or cleaned it would be another one."""
    return given if type(given) is str and one_line(given, RECEIPT_LIMIT) == given else ""


def _copy(value: Any) -> Any:
    """Copy a message, or a part of one. Takes a quarter of the time of deepcopy, and half of that of pickle."""
    if isinstance(value, _CONSTANT):
        return value
    if isinstance(value, tuple):
        return tuple([_copy(part) for part in value])
    if not isinstance(value, _PARTS):
        return copy.deepcopy(value)
    copied = object.__new__(type(value))
    # Most parts are texts: they need no call.
    vars(copied).update({name: part if type(part) is str else _copy(part) for name, part in vars(value).items()})
    return copied
