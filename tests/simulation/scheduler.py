"""A virtual clock and cooperative tasks: the dispatcher's threads run one at a time, in an order that a seed decides.

Each thread is a greenlet. It runs until it waits for something; then the earliest task or action goes on, and the clock
jumps there. So a run takes only the processor time of the code that it runs, and the same run always takes one course.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from greenlet import GreenletExit, greenlet


class Endless(Exception):
    """The run does not come to an end: the code that is simulated goes round in a circle."""


@dataclass(eq=False)
class Socket:
    """`since`: when it was opened, in its process's own time. `reader`: the task that waits for its other side."""

    descriptor: int
    since: float
    reader: Task | None = None
    shut: bool = False

    def fileno(self) -> int:
        return self.descriptor


@dataclass(eq=False)
class Process:
    """A process of the function. While it is frozen, its tasks do not go on; once it is dead, they never do.

    ahead: seconds that its clock is ahead of true time.
    clock_stops: whether its monotonic clock stands still while it is frozen.
    """

    name: str
    version: str = "current"
    ahead: float = 0.0
    clock_stops: bool = False
    began: float = 0.0
    dead: bool = False
    frozen_since: float | None = None
    frozen_for: float = 0.0
    sockets: dict[int, Socket] = field(default_factory=dict)  # open ones, by descriptor
    waiting: list[tuple[Task, int]] = field(default_factory=list)  # for the end of the freeze

    def ran_until(self, now: float) -> float:
        """A clock that stands still while the process is frozen."""
        return (self.frozen_since or now) - self.frozen_for


@dataclass(eq=False)
class Task:
    """`waits`: how often it has waited. An alarm for an earlier wait is void."""

    process: Process
    thread: greenlet
    waits: int = 0
    woken: bool = False
    done: bool = False
    joining: list[Task] = field(default_factory=list)


class Scheduler:
    """`now` is true time, in epoch seconds."""

    def __init__(self, now: float, limit: int = 2_000_000) -> None:
        self.now = now
        self.current: Task | None = None
        self.on_escape: Callable[[BaseException], None] = lambda error: None
        self.steps = 0
        self._limit = limit
        # A moment, a number that keeps the order, then an action, or a task and the wait of it that ends.
        self._queue: list[tuple[float, int, Callable[[], None] | None, Task | None, int]] = []
        self._numbers = count()
        self._hub = greenlet.getcurrent()
        self._tasks: dict[Task, None] = {}
        self._closed = False

    def at(self, moment: float, action: Callable[[], None]) -> None:
        """Do something at a moment. The action must not wait."""
        heapq.heappush(self._queue, (max(moment, self.now), next(self._numbers), action, None, 0))

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        self.at(self.now + seconds, action)

    def spawn(self, process: Process, call: Callable[[], None]) -> Task:
        """Begin a task in a process."""

        def run() -> None:
            try:
                call()
            except GreenletExit:
                pass
            except BaseException as error:
                self.on_escape(error)
            task.done = True
            self._tasks.pop(task, None)
            for other in task.joining:
                self.wake(other)

        task = Task(process, greenlet(run, parent=self._hub))
        self._tasks[task] = None
        self._wake_at(self.now, task)
        return task

    def _wake_at(self, moment: float, task: Task) -> None:
        """End the task's present wait at a moment."""
        heapq.heappush(self._queue, (moment, next(self._numbers), None, task, task.waits))

    def run(self, until: float) -> None:
        """Let time go on to a moment."""
        while self._queue and self._queue[0][0] <= until:
            self.now, _, action, task, number = heapq.heappop(self._queue)
            self.steps += 1
            if self.steps > self._limit:
                raise Endless
            if task is not None:
                self._go_on(task, number)
            elif action is not None:
                action()
        self.now = max(self.now, until)

    def wait(self, seconds: float | None) -> bool:
        """Let the current task wait until it is woken, or for so many seconds. Returns whether it was woken."""
        task = self.current
        if self._closed or task is None or task.process.dead:
            raise GreenletExit
        task.waits += 1
        task.woken = False
        if seconds is not None:
            self._wake_at(self.now + max(0.0, seconds), task)
        self._hub.switch()
        if self._closed:
            raise GreenletExit
        return task.woken

    def wake(self, task: Task) -> None:
        """End a task's wait."""
        task.woken = True
        self._wake_at(self.now, task)

    def join(self, task: Task, seconds: float | None) -> None:
        if not task.done and self.current is not None:
            task.joining.append(joiner := self.current)
            self.wait(seconds)
            if joiner in task.joining:  # it did not end in time, and must not end a later wait
                task.joining.remove(joiner)

    def leave(self) -> None:
        """End the current task without any of its code: its process is dead."""
        self._hub.switch()
        raise GreenletExit

    def thaw(self, process: Process) -> None:
        """Let the process go on, and with it what was waiting when it froze."""
        if process.frozen_since is not None:
            process.frozen_for += self.now - process.frozen_since
            process.frozen_since = None
        waiting, process.waiting = process.waiting, []
        for task, number in waiting:
            self.at(self.now, lambda task=task, number=number: self._go_on(task, number))  # type: ignore[misc]

    def freeze(self, process: Process) -> None:
        if process.frozen_since is None:
            process.frozen_since = self.now

    def close(self) -> None:
        """End all tasks that are left, so that their stacks hold nothing."""
        self._closed = True
        for task in list(self._tasks):
            self.current = task
            task.thread.throw(GreenletExit)
        self._tasks.clear()
        self._queue.clear()
        self.current = None

    def _go_on(self, task: Task, number: int) -> None:
        if task.done or task.process.dead or task.waits != number:
            return
        if task.process.frozen_since is not None:
            task.process.waiting.append((task, number))
            return
        self.current = task
        task.thread.switch()
        self.current = None
