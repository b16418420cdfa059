"""Makes MiniStack's SQS thread-safe, in its process, so that no message is lost between two threads.

The thread of event source mappings replaces a queue's list of messages under a lock, but sends, receives and deletes on
the event loop's thread take none, so a message sent in between would vanish. Here all of them take the same lock.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ministack.services import eventbridge, sns, sqs

# Each accesses a queue's messages, and none waits for anything.
_ACCESSING: tuple[tuple[ModuleType, str], ...] = (
    (sqs, "_expire_retained"),
    (sqs, "_dlq_sweep"),
    (sqs, "_collect_msgs"),
    (sns, "_deliver_to_sqs"),
    (eventbridge, "_dispatch_to_sqs"),
)


def install() -> None:
    """Put every access to a queue's messages under one reentrant lock."""
    lock = threading.RLock()
    sqs._queues_lock = lock
    for module, name in _ACCESSING:
        setattr(module, name, _locked(getattr(module, name), lock))
    for action, handler in sqs._HANDLERS.items():
        if not inspect.iscoroutinefunction(handler):
            sqs._HANDLERS[action] = _locked(handler, lock)


def _locked(function: Callable[..., Any], lock: threading.RLock) -> Callable[..., Any]:
    @functools.wraps(function)
    def locked(*arguments: Any, **named: Any) -> Any:
        with lock:
            return function(*arguments, **named)

    return locked
