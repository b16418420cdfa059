"""What stands in for `time`, `threading`, `uuid` and the log in the modules of the dispatcher, while a run lasts."""

from __future__ import annotations

import concurrent.futures
import datetime
import functools
import json
import marshal
import os
import queue
import random
import socket
import sys
import threading
import time
import types
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from batchbell import texts
from batchbell.contract import Message
from batchbell.dispatcher import telemetry
from batchbell.dispatcher.delivery import attempt
from tests.simulation import bodies, sockets, threads
from tests.simulation.scheduler import Scheduler

T = TypeVar("T")

MODULES = ("batchbell.dispatcher", "batchbell.time_limit", "batchbell.webhook")

THREADING = {
    "Thread": threads.Thread,
    "Lock": threads.Lock,
    "RLock": threads.Lock,
    "Event": threads.Event,
    "Condition": threads.Condition,
    "local": threads.Local,
    "current_thread": threads.current_thread,
}

Log = Callable[[str, str, dict[str, Any]], None]  # level, message, keys
Measure = Callable[[str, tuple[Any, ...]], None]  # name of the function, its arguments


@contextmanager
def substituted(scheduler: Scheduler, randomness: random.Random, log: Log, measure: Measure) -> Iterator[None]:
    """Replace what the dispatcher's modules hold of the real world, wherever they hold it.

    Functions without side effects remember their results: they would take half of the time of a run. And notifiers get
    messages without a copy, since those of a simulated stack change none.
    """
    threads.running = scheduler
    replaced: list[tuple[Any, Any]] = [
        (time, _Time(scheduler)),
        (threading, types.SimpleNamespace(**{**vars(threading), **THREADING})),
        (threading.Thread, threads.Thread),
        (threading.Lock, threads.Lock),
        (uuid, types.SimpleNamespace(**{**vars(uuid), "uuid4": lambda: uuid.UUID(int=randomness.getrandbits(128))})),
        (random, randomness),
        (datetime.datetime, _Datetime),
        (concurrent.futures.Future, threads.Future),
        (os, sockets.Os(scheduler)),
        (socket, sockets.Sockets(scheduler)),
        (queue, types.SimpleNamespace(**{**vars(queue), "Queue": threads.Queue, "SimpleQueue": threads.Queue})),
        (telemetry.logger, _Logger(log)),
        (texts.tidy, _remembering(_tidy)),
        (json, types.SimpleNamespace(**{**vars(json), "dumps": bodies.dumps, "loads": bodies.loads})),
        (attempt._copy, lambda message: message),
        *(
            (function, lambda *arguments, name=name: measure(name, arguments))
            for name, function in vars(telemetry).items()
            if name.startswith("measure_")
        ),
    ]
    to_dict, from_dict = Message.to_dict, Message.from_dict
    Message.to_dict, Message.from_dict = _remembering(_to_dict), _from_dict  # type: ignore[assignment, method-assign]
    places = _places(frozenset(sys.modules), tuple(real for real, _ in replaced))
    for module, name, _, number in places:
        setattr(module, name, threads.Local() if number is None else replaced[number][1])
    try:
        yield
    finally:
        for module, name, value, _ in places:
            setattr(module, name, value)
        threads.running = None
        bodies.forget()
        Message.to_dict, Message.from_dict = to_dict, from_dict  # type: ignore[method-assign]


@functools.lru_cache(maxsize=10)
def _places(modules: frozenset[str], reals: tuple[Any, ...]) -> Sequence[tuple[types.ModuleType, str, Any, int | None]]:
    """Where the modules hold what is replaced, and its number; None for what each thread has of its own.

    modules: the names of those that are loaded; with another one there may be another place.
    """
    numbers = {id(real): number for number, real in enumerate(reals)}
    return [
        (module, name, value, None if isinstance(value, threading.local) else numbers[id(value)])
        for module_name, module in sorted(sys.modules.items())
        if module_name.startswith(MODULES) and module is not telemetry
        for name, value in vars(module).items()
        if isinstance(value, threading.local) or id(value) in numbers
    ]


# Most messages are the same in many runs.
_tidy = functools.lru_cache(maxsize=5_000)(texts.tidy)
_write, _read = Message.to_dict, Message.from_dict


@functools.lru_cache(maxsize=5_000)
def _to_dict(message: Message) -> bodies.Fields:
    return bodies.Fields(_write(message))


def _from_dict(data: Any) -> Message:
    if type(data) is bodies.Fields:
        if data.message is None:
            data.message = _read(data)
        return data.message
    return _from_bytes(marshal.dumps(data, 2))  # from version 3 on, it may write equal values in different ways


@functools.lru_cache(maxsize=5_000)
def _from_bytes(written: bytes) -> Message:
    return _read(marshal.loads(written))


def _remembering(function: Callable[[Message], T]) -> Callable[[Message], T]:
    """Know the result of the same object without a comparison."""
    known: dict[int, tuple[Message, T]] = {}  # it holds the messages, so that no other one gets the id of one of them

    def remembered(message: Message) -> T:
        found = known.get(id(message))
        if found is None:
            found = known[id(message)] = message, function(message)
        return found[1]

    return remembered


class _Time:
    """Each process has its own clocks."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def time(self) -> float:
        task = self._scheduler.current
        return self._scheduler.now + (task.process.ahead if task else 0.0)

    def monotonic(self) -> float:
        task = self._scheduler.current
        stopped = task.process.frozen_for if task and task.process.clock_stops else 0.0
        return self._scheduler.now - stopped - 1_000_000_000

    perf_counter = monotonic

    def sleep(self, seconds: float) -> None:
        self._scheduler.wait(seconds)


class _Datetime(datetime.datetime):
    """One class for all runs: a class is freed by the collector alone."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> _Datetime:
        assert threads.running is not None
        return cls.fromtimestamp(_Time(threads.running).time(), tz)


class _Logger:
    def __init__(self, log: Log) -> None:
        self._log = log

        for level in ("debug", "info", "warning", "error", "exception", "critical"):
            setattr(self, level, functools.partial(self._write, level))

    def append_keys(self, **keys: Any) -> None:
        """Powertools': keys for all lines that follow."""

    def _write(self, level: str, message: str, **keys: Any) -> None:
        self._log(level, message, keys)
