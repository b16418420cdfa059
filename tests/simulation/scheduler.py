"""A virtual clock and cooperative tasks: the dispatcher's threads run one at a time, in an order that a seed decides.

Each thread is a greenlet. It runs until it waits for something; then the earliest task or action goes on, and the clock
jumps there. So a run takes only the processor time of the code that it runs, and the same run always takes one course.

Switches and new greenlets take much of a run's time. So a task that waits finds out itself what is next: it goes on if
that is its own turn, or else switches to the task whose turn it is. A greenlet that ends a task begins another one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Any

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
    """A thread of a process.

    began: in the world's seconds.
    thread: None until it begins.
    waits: how often it has waited; an alarm for an earlier wait is void.
    own: what it alone has, by its owner.
    """

    process: Process
    call: Callable[[], None]
    began: float
    thread: greenlet | None = None
    waits: int = 0
    woken: bool = False
    done: bool = False
    joining: list[Task] = field(default_factory=list)
    own: dict[Any, Any] = field(default_factory=dict)

    def end(self) -> None:
        """It holds nothing any more that may hold it: what is freed at once needs no collector."""
        self.done = True
        self.call, self.thread = _nothing, None
        self.own.clear()
        self.joining.clear()


def _nothing() -> None:
    """What an ended task would call."""


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
        self._until = now
        self._idle: list[greenlet] = []  # have ended a task
        self._next: Task | None = None  # for the hub, the greenlet that called `run`: to be begun in a new greenlet
        self._error: BaseException | None = None  # of an action: for the hub to raise
        self._hub = greenlet.getcurrent()
        self._tasks: dict[Task, None] = {}
        self._closed = False

    def at(self, moment: float, action: Callable[[], None]) -> None:
        """Do something at a moment. The action must not wait."""
        heappush(self._queue, (max(moment, self.now), next(self._numbers), action, None, 0))

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        self.at(self.now + seconds, action)

    def spawn(self, process: Process, call: Callable[[], None]) -> Task:
        """Begin a task in a process."""
        task = Task(process, call, self.now)
        self._tasks[task] = None
        self._wake_at(self.now, task)
        return task

    def _wake_at(self, moment: float, task: Task) -> None:
        """End the task's present wait at a moment."""
        heappush(self._queue, (moment, next(self._numbers), None, task, task.waits))

    def run(self, until: float) -> None:
        """Let time go on to a moment."""
        self._until = until
        while (task := self._next or self._find_next()) is not None:
            self._next, self.current = None, task
            if task.thread is None:
                task.thread = greenlet(self._work, parent=self._hub)
                task.thread.switch(task)
            else:
                task.thread.switch()
            self.current = None
            if self._error is not None:
                raise self._error
        self.now = max(self.now, until)

    def _find_next(self) -> Task | None:
        """Let time go on, and run the actions that are due, until a task goes on: that one, or None at the end."""
        queue = self._queue
        while queue and queue[0][0] <= self._until:
            self.now, _, action, task, number = heappop(queue)
            self.steps += 1
            if self.steps > self._limit:
                raise Endless
            if action is not None:
                action()
            elif task is not None and task.waits == number and not task.done and not task.process.dead:
                if task.process.frozen_since is None:
                    return task
                task.process.waiting.append((task, number))
        return None

    def _give_way(self, task: Task | None) -> Task:
        """Let others run until it is the turn of a task: the current one, or of a new one if that has ended."""
        self.current = None
        try:
            other = None if self._closed else self._find_next()
        except BaseException as error:
            self._error, other = error, None
        self.current = other
        turn: Task  # what a greenlet that has ended a task begins
        if other is None:
            turn = self._hub.switch()
        elif other is task:
            turn = other
        elif other.thread is not None:
            turn = other.thread.switch()
        elif task is None:
            other.thread = self._idle.pop()  # this greenlet
            turn = other
        elif self._idle:
            other.thread = self._idle.pop()
            turn = other.thread.switch(other)
        else:
            self._next = other
            turn = self._hub.switch()
        return turn

    def _work(self, task: Task) -> None:
        while True:
            try:
                task.call()
            except GreenletExit:
                pass
            except BaseException as error:
                self.on_escape(error)
            self._tasks.pop(task, None)
            for other in task.joining:
                self.wake(other)
            task.end()
            self._idle.append(greenlet.getcurrent())
            task = self._give_way(None)

    def wait(self, seconds: float | None) -> bool:
        """Let the current task wait until it is woken, or for so many seconds. Returns whether it was woken."""
        task = self.current
        if self._closed or task is None or task.process.dead:
            raise GreenletExit
        task.waits += 1
        task.woken = False
        if seconds is not None:
            moment = self.now + max(0.0, seconds)
            if self._is_alone_until(moment) and task.process.frozen_since is None:
                self.now = moment
                self.steps += 1
                return False
            self._wake_at(moment, task)
        self._give_way(task)
        if self._closed:
            raise GreenletExit
        return task.woken

    def _is_alone_until(self, moment: float) -> bool:
        """Whether nothing else is due until then, so that the current task goes on without a switch."""
        queue = self._queue
        return moment <= self._until and (not queue or moment < queue[0][0]) and self.steps < self._limit

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
        assert self.current is not None
        self._give_way(self.current)
        raise GreenletExit

    def thaw(self, process: Process) -> None:
        """Let the process go on, and with it what was waiting when it froze."""
        if process.frozen_since is not None:
            process.frozen_for += self.now - process.frozen_since
            process.frozen_since = None
        waiting, process.waiting = process.waiting, []
        for task, number in waiting:
            heappush(self._queue, (self.now, next(self._numbers), None, task, number))

    def freeze(self, process: Process) -> None:
        if process.frozen_since is None:
            process.frozen_since = self.now

    def close(self) -> None:
        """End all tasks that are left, so that their stacks hold nothing."""
        self._closed = True
        for task in list(self._tasks):
            task.process.waiting.clear()
            if task.thread is not None:
                self.current = task
                task.thread.throw(GreenletExit)
            task.end()
        for idle in self._idle:
            idle.throw(GreenletExit)
        for left in (self._tasks, self._idle, self._queue):
            left.clear()
        self.current = None
