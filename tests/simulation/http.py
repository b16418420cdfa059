"""What stands in for `requests` in `batchbell.webhook`: the services behind webhooks, and the sockets to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING, Any

from batchbell.contract import Message
from tests.simulation.channels import DAY, TARPITS, Channel
from tests.simulation.sockets import Connection

if TYPE_CHECKING:
    from tests.simulation.world import World

WAITS = ("86400", str(31 * 365 * DAY), "999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "1e308", "nan", "-1")


@dataclass
class Response:
    """`raw`: read as urllib3's."""

    status_code: int
    text: str
    headers: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Response:
        return self

    def __exit__(self, *_: object) -> None:
        """requests': gives the connection back."""

    @property
    def raw(self) -> Response:
        return self

    def read(self, size: int, decode_content: bool) -> bytes:
        start, self.text = self.text[:size], self.text[size:]
        return start.encode()


# Whoever gives these, it does not say whether the service has the message.
ODD = ((100, ""), (102, ""), (199, ""), (200, "OK"), (200, "<html>"), (202, ""), (204, ""), (226, "ok"), (299, "ok"))
REFUSALS: Mapping[str, Callable[[Random], Response]] = {
    "temporary": lambda random: Response(random.choice((500, 503)), ""),
    "short-wait": lambda random: _busy(random, ("1", "4", "20", "120")),
    "long-wait": lambda random: _busy(random, WAITS),
    "permanent": lambda random: Response(random.choice((403, 404, 410)), "no_service"),
    "poison": lambda random: Response(random.choice((400, 413)), "invalid_blocks"),
}


def _busy(random: Random, waits: Sequence[str]) -> Response:
    return Response(random.choice((429, 503)), "", {"Retry-After": random.choice(waits)})


class Requests:
    """The module."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.Response = Response

    def Session(self) -> Session:  # noqa: N802
        return Session(self.world)


class Session:
    """Its sockets are open from the request until it is closed."""

    trust_env = True

    def __init__(self, world: World) -> None:
        self._world = world
        self._connection: Connection | None = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def post(self, url: str, *, data: Any, **_: Any) -> Response:
        world = self._world
        self._connection = Connection(world.scheduler)
        channel = world.channels[url.rpartition("/")[2]]
        return _answer(world, channel, _message_in(data.read()), self._connection)


@lru_cache(maxsize=5_000)
def _message_in(body: bytes) -> Message:
    return Message.from_dict(json.loads(body))


def _answer(world: World, channel: Channel, message: Message, connection: Connection) -> Response:
    random = channel.random
    kind = channel.fault(world, message)
    world.scheduler.wait(random.uniform(0.02, 0.4))
    if kind:
        world.say(f"{channel.name}: {kind}")
    if kind in REFUSALS:
        return REFUSALS[kind](random)
    if kind in ("no-answer", "odd-answer"):
        if random.random() < 0.5:
            channel.accept(world, message)
        if kind == "no-answer":
            raise ConnectionResetError("the connection was reset")
        return Response(*random.choice(ODD))
    if kind == "tarpit":
        connection.wait(random.choice(TARPITS))
        if random.random() < 0.5:
            return Response(503, "")
    channel.accept(world, message)
    if kind == "accepted-and-killed":
        world.die("killed after a channel accepted")
    return Response(200, "ok")
