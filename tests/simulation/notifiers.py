"""The notifiers of the simulated stack, made by the dispatcher from its manifest: plain ones, and webhooks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from batchbell.contract import Message, PermanentError, Secret, Secrets, TemporaryError
from batchbell.webhook import Webhook
from notifiers.slack.notifier import classify
from tests.simulation.channels import DAY, TARPITS, Channel
from tests.simulation.sockets import Connection

if TYPE_CHECKING:
    from tests.simulation.world import World

SECRET = "hunter2-not-to-be-seen"
URL = "http://simulated/"
RAISED: Mapping[str, type[BaseException]] = {
    "SystemExit": SystemExit,
    "KeyboardInterrupt": KeyboardInterrupt,
    "CancelledError": asyncio.CancelledError,
    "ValueError": ValueError,
}
LONG_WAITS = (DAY, 31 * 365 * DAY, 1e308, float("nan"), float("inf"))

REFUSALS: Mapping[str, Callable[[Random], TemporaryError | PermanentError]] = {
    "temporary": lambda random: TemporaryError("busy"),
    "short-wait": lambda random: TemporaryError("busy", random.choice((0.5, 3, 20, 120, -5))),
    "long-wait": lambda random: TemporaryError("busy for long", random.choice(LONG_WAITS)),
    "permanent": lambda random: PermanentError("refused: gone"),
    "poison": lambda random: PermanentError("refused: the message is invalid"),
}

# The world of the run: the dispatcher imports this module by its name, as it does any notifier's.
world: World | None = None


def create(settings: Mapping[str, Any], secrets: Secrets) -> Plain | Webhooked:
    assert world is not None
    channel = world.channels[settings["name"]]
    if world.faulty and channel.create_fault == "hangs":
        world.scheduler.wait(3_600.0)
    elif world.faulty and channel.create_fault:
        raise RAISED[channel.create_fault](SECRET)
    return Webhooked(world, channel) if channel.is_webhook else Plain(world, channel)


@dataclass(frozen=True, eq=False)
class Plain:
    """Raises what the contract has, and what it has not."""

    world: World
    channel: Channel

    def send(self, message: Message) -> None:
        world, channel = self.world, self.channel
        kind, random = channel.fault(world, message), channel.random
        world.scheduler.wait(random.uniform(0.02, 0.4))
        if kind:
            world.say(f"{channel.name}: {kind}")
        if kind in REFUSALS:
            raise REFUSALS[kind](random)
        if kind in ("no-answer", "raises", "raises-base"):
            if random.random() < 0.5:
                channel.accept(world, message)
            raise _no_answer(kind, random)
        if kind == "tarpit":
            with Connection(world.scheduler) as connection:
                connection.wait(random.choice(TARPITS))
            if random.random() < 0.5:
                raise TemporaryError("busy")
        channel.accept(world, message)
        if kind == "accepted-and-killed":
            world.die("killed after a channel accepted")


def _no_answer(kind: str, random: Random) -> BaseException:
    if kind == "no-answer":
        return TemporaryError("no answer", maybe_delivered=True)
    name = "ValueError" if kind == "raises" else random.choice(("SystemExit", "KeyboardInterrupt", "CancelledError"))
    return RAISED[name](SECRET)


class Webhooked:
    """A webhook of Slack's shape: the product's own module posts to it."""

    def __init__(self, world: World, channel: Channel) -> None:
        self._webhook = Webhook(Secret("webhook", lambda fresh: URL + channel.name), "Hook", lambda url: None, classify)
        self._world = world

    def send(self, message: Message) -> None:
        self._webhook.post(message.to_dict())
