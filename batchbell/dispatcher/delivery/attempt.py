"""One call of a notifier's `send`: the border to code that a third party may have written."""

from __future__ import annotations

import pickle

from batchbell.contract import Message, Notifier, PermanentError, TemporaryError
from batchbell.dispatcher.delivery.outcome import Outcome, Result, refusal, unknown


def attempt(notifier: Notifier, message: Message, claim_ends: float) -> Outcome:
    """Send the message. Never raises, whatever the notifier does.

    claim_ends: epoch seconds.

    The notifier gets a copy, so that it cannot change the message for others. Of an exception that is none of the
    contract's, only the type is kept: its text may hold a secret. SystemExit and its like are caught, too: they would
    end a thread that has more to send, and Python would print their text.
    """
    try:
        notifier.send(pickle.loads(pickle.dumps(message)))  # a tenth of the time of deepcopy, which a digest needs
        return Outcome(Result.SENT)
    except (PermanentError, TemporaryError) as error:
        try:
            return refusal(error, claim_ends)
        except BaseException:  # its fields raise
            return unknown(f"the notifier raised {type(error).__name__}", claim_ends)
    except BaseException as error:
        return unknown(f"the notifier raised {type(error).__name__}", claim_ends)
