"""Makes while the process starts what the first message needs: clients and secrets.

The start has a whole processor, and a function of 256 MB a seventh of one from then on. Whatever fails here is tried
again, and reported, when a message needs it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from functools import partial

from batchbell.dispatcher.delivery.threads import run
from batchbell.dispatcher.manifest import Instance
from batchbell.dispatcher.timing import Deadline

PREPARATION_LIMIT = 1.0  # s: a channel that does not answer delays the start no longer


def prepare(instances: Sequence[Instance]) -> None:
    """Never raises.

    No connection is opened beforehand: with TLS 1.3 the server's session tickets wait in it. urllib3 takes them for its
    end (tried), so that the first call would open another one.
    """
    calls: list[Callable[[], None]] = [one.notifier.prepare for one in instances if hasattr(one.notifier, "prepare")]
    run([partial(_ignoring_errors, call) for call in calls], Deadline.after(PREPARATION_LIMIT))


def _ignoring_errors(call: Callable[[], None]) -> None:
    with contextlib.suppress(BaseException):  # foreign code may raise anything
        call()
