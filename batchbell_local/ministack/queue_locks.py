"""What MiniStack's SQS lacks, added inside its process: messages are not lost between two threads.

An event source mapping's thread replaces a queue's list of messages under a lock; sends, receives and deletes, on the
event loop's thread, take none. What is sent in between would vanish. Here all of them take the same lock.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ministack.services import eventbridge, sns, sqs

# Each touches a queue's messages, and none waits for anything.
_TOUCHING: tuple[tuple[ModuleType, str], ...] = (
    (sqs, "_expire_retained"),
    (sqs, "_dlq_sweep"),
    (sqs, "_collect_msgs"),
    (sns, "_deliver_to_sqs"),
    (eventbridge, "_dispatch_to_sqs"),
)


def install() -> None:
    """Put every access to the messages of a queue under one lock; it may be taken again by its holder."""
    lock = threading.RLock()
    sqs._queues_lock = lock
    for module, name in _TOUCHING:
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
