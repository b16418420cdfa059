"""What threads wait with: like `threading`, `queue` and `concurrent.futures`, on the scheduler's clock."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.simulation.scheduler import Scheduler, Task

running: Scheduler | None = None  # of the world that runs now


def _scheduler() -> Scheduler:
    return running  # type: ignore[return-value]


def _current() -> Task:
    task = _scheduler().current
    assert task is not None
    return task


class Local:
    """Attributes of each task."""

    def __getattr__(self, name: str) -> Any:
        try:
            return running.current.own[self, name]  # type: ignore[union-attr]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        running.current.own[self, name] = value  # type: ignore[union-attr]


def current_thread() -> Thread:
    """The main thread of an invocation is not one of these: it gets one that is always alive."""
    return _current().own.get(Thread) or Thread()


class Thread:
    def __init__(
        self,
        group: None = None,
        target: Callable[..., Any] | None = None,
        name: str = "",
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        *,
        daemon: bool | None = None,
    ) -> None:
        self._call: Callable[[], Any] | None = partial(target, *args, **(kwargs or {})) if target else None
        self.name, self.daemon = name, daemon
        self._task: Any = None

    def start(self) -> None:
        # Like Python's, it forgets what it runs: that may hold the thread.
        call, self._call = self._call, None
        self._task = _scheduler().spawn(_current().process, call or (lambda: None))
        self._task.own[Thread] = self

    def join(self, timeout: float | None = None) -> None:
        _scheduler().join(self._task, timeout)

    def is_alive(self) -> bool:
        return self._task is None or not self._task.done


class Condition:
    """Waiting tasks, in order."""

    def __init__(self) -> None:
        self._waiting: deque[Any] = deque()

    def wait_for(self, predicate: Callable[[], bool], timeout: float | None = None) -> bool:
        if predicate():
            return True
        scheduler = _scheduler()
        ends = None if timeout is None else scheduler.now + timeout
        while not predicate():
            left = None if ends is None else ends - scheduler.now
            if left is not None and left <= 0:
                return False
            self._waiting.append(waiting := scheduler.current)
            scheduler.wait(left)
            if waiting in self._waiting:
                self._waiting.remove(waiting)
        return True

    def notify_all(self) -> None:
        while self._waiting:
            _scheduler().wake(self._waiting.popleft())


class Lock:
    def __init__(self) -> None:
        self._held, self._condition = False, Condition()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if self._held:
            limit = 0.0 if not blocking else None if timeout < 0 else timeout
            if not self._condition.wait_for(lambda: not self._held, limit):
                return False
        self._held = True
        return True

    def release(self) -> None:
        self._held = False
        self._condition.notify_all()

    def locked(self) -> bool:
        return self._held

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class Event:
    def __init__(self) -> None:
        self._set, self._condition = False, Condition()

    def set(self) -> None:
        self._set = True
        self._condition.notify_all()

    def is_set(self) -> bool:
        return self._set

    def wait(self, timeout: float | None = None) -> bool:
        return self._condition.wait_for(self.is_set, timeout)


class Queue:
    def __init__(self) -> None:
        self._items: deque[Any] = deque()
        self._condition = Condition()

    def put(self, item: Any) -> None:
        self._items.append(item)
        self._condition.notify_all()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        if not self._condition.wait_for(lambda: bool(self._items), timeout if block else 0.0):
            raise queue.Empty
        return self._items.popleft()

    def get_nowait(self) -> Any:
        return self.get(block=False)

    def qsize(self) -> int:
        return len(self._items)

    def empty(self) -> bool:
        return not self._items


class Future:
    def __init__(self) -> None:
        self._done = Event()
        self._result: Any = None
        self._error: BaseException | None = None

    def set_result(self, result: Any) -> None:
        self._result = result
        self._done.set()

    def set_exception(self, error: BaseException) -> None:
        self._error = error
        self._done.set()

    def done(self) -> bool:
        return self._done.is_set()

    def result(self, timeout: float | None = None) -> Any:
        """Return or raise it, which works once: an error that is kept holds the frames that hold this."""
        if not self._done.wait(timeout):
            raise TimeoutError
        error, self._error = self._error, None
        if error is None:
            return self._result
        try:
            raise error
        finally:
            del error
