"""Control of the local AWS beyond AWS's own API: faults, Batch events, processes and clocks of functions, delays.

POST   /_batchbell/faults                 adds a fault: `faults.Fault` as JSON → {"fault": N}
GET    /_batchbell/faults/N               {"hits": [request bodies]}
DELETE /_batchbell/faults[/N]             ends one fault, or all
POST   /_batchbell/batch/ACTION           what `ministack/batch/control.py` lists
POST   /_batchbell/events                 puts {"events": [EventBridge events]} on the default bus, as AWS Batch does
POST   /_batchbell/time                   lets {"seconds": N} pass, and fires the schedules that are due
POST   /_batchbell/rules/fire             fires the schedule of {"rule": a name} now
POST   /_batchbell/rules/withhold         withholds what {"rule"} sends from now on
POST   /_batchbell/rules/withheld         → {"events": how many of {"rule"} are withheld}
POST   /_batchbell/rules/deliver          sends them late, and withholds no more → {"events": N}
POST   /_batchbell/functions/kill         kills every function that is running an invocation → {"killed": N}
POST   /_batchbell/functions/restart      ends all functions' processes, the running ones after their invocations
POST   /_batchbell/functions/clock        moves the clock of processes that start from now on by {"seconds": N}
                                          → {"started": how many had the clock before}
GET    /_batchbell/functions/descriptors  {"counts": [open descriptors of a process]}
GET    /_batchbell/functions/memory       {"peaks": [KiB of a process, at most]}
POST   /_batchbell/mappings/quiet         {"share": N} of a function's timeout: how long a quiet queue is collected from
POST   /_batchbell/queues/waiting         of {"url": a queue's}: {"messages": [{"body", "due"}]}, not received yet
POST   /_batchbell/queues/due             makes the delayed messages of {"url": a queue's} visible → {"made_due": N}
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import eventbridge, sqs

from .faults import Fault, FaultInjector, FunctionCall, parse_call, render_response
from .ministack import batch, delayed_messages, event_source_mappings, functions, schedules
from .ministack.clocks import clock
from .ministack.withheld_events import withheld_events

PREFIX = "/_batchbell/"
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class CutConnection(Exception):
    """Ends a connection in the middle of a response."""


class ControlApi:
    """An ASGI application around MiniStack's: serves the control API, and applies faults to the calls of functions.

    `account` and `region`: where events are put on the bus.
    """

    def __init__(self, application: Application, account: str, region: str) -> None:
        self._application = application
        self._scope = account, region
        self._faults = FaultInjector()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        path: str = scope["path"]
        if path.startswith(PREFIX):
            result = self._control(scope["method"], path.removeprefix(PREFIX).split("/"), await _read(receive))
            await _respond(send, 200, {"content-type": "application/json"}, json.dumps(result).encode())
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if "app/environment-" not in headers.get("user-agent", ""):
            await self._application(scope, receive, send)
            return
        body = await _read(receive)
        call = parse_call(path, headers, body)
        fault = self._faults.match(call) if call else None
        if call is None or fault is None:
            await self._application(scope, _replay(body), send)
            return
        await self._fail(call, fault, scope, body, send)

    async def _fail(self, call: FunctionCall, fault: Fault, scope: Scope, body: bytes, send: Send) -> None:
        await asyncio.sleep(fault.delay)
        if fault.kill == "before" or fault.cut == "before":
            if fault.kill:
                functions.kill_environment(call.environment)
            await _cut(send)
        if fault.replaces_response:
            await _respond(send, *render_response(fault, call.protocol))
            return
        if not (fault.kill or fault.cut):  # only slow
            await self._application(scope, _replay(body), _drip(send, fault.drip) if fault.drip else send)
            return
        await self._application(scope, _replay(body), _discard)
        if fault.kill:
            functions.kill_environment(call.environment)
        await _cut(send)

    def _control(self, method: str, path: list[str], body: bytes) -> dict[str, Any]:
        match method, path:
            case "POST", ["functions" | "mappings", *_]:
                return _control_functions(path, body)
            case "POST", ["faults"]:
                return {"fault": self._faults.add(Fault(**json.loads(body)))}
            case "GET", ["faults", number]:
                return {"hits": self._faults.hits(int(number))}
            case "DELETE", ["faults", *rest]:
                self._faults.clear(int(rest[0]) if rest else None)
                return {}
            case "GET", ["functions", "descriptors"]:
                return {"counts": functions.count_descriptors()}
            case "GET", ["functions", "memory"]:
                return {"peaks": functions.measure_memory()}
            case "POST", ["queues", "waiting"]:
                with request_scope(*self._scope):
                    return {"messages": delayed_messages.waiting(json.loads(body)["url"])}
            case "POST", ["queues", "due"]:
                with request_scope(*self._scope):
                    return {"made_due": delayed_messages.make_due(json.loads(body)["url"])}
            case "POST", ["batch", action]:
                with request_scope(*self._scope):
                    return batch.control(action, json.loads(body))
            case "POST", ["time" | "rules", *_]:
                with request_scope(*self._scope):
                    return _control_events(path, json.loads(body))
            case "POST", ["events"]:
                return {"raised": self._raise(json.loads(body)["events"])}
        raise ValueError(f"unknown control call: {method} {'/'.join(path)}")

    def _raise(self, events: list[dict[str, Any]]) -> int:
        entries = [
            {
                "Source": event["source"],
                "DetailType": event["detail-type"],
                "Detail": json.dumps(event["detail"]),
                "Resources": event.get("resources", []),
            }
            for event in events
        ]
        # Event source mappings take messages under this lock, on threads of their own.
        with request_scope(*self._scope), sqs._queues_lock:
            for entry in entries:
                eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
        return len(entries)


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


def _replay(body: bytes) -> Receive:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _discard(message: dict[str, Any]) -> None:
    """Drop the response."""


def _drip(send: Send, seconds: float) -> Send:
    async def send_bytewise(message: dict[str, Any]) -> None:
        for byte in message.get("body", b""):
            await asyncio.sleep(seconds)
            await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
        await send({**message, "body": b""} if "body" in message else message)

    return send_bytewise


async def _respond(send: Send, status: int, headers: Mapping[str, str], body: bytes) -> None:
    length = {"content-length": str(len(body))}
    encoded = [(name.encode(), value.encode()) for name, value in {**headers, **length}.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


async def _cut(send: Send) -> None:
    """Announce a longer body than is sent, so that the server closes the connection."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})
    raise CutConnection


def _control_functions(path: list[str], body: bytes) -> dict[str, Any]:
    match path:
        case ["functions", "kill"]:
            return {"killed": functions.kill_running()}
        case ["functions", "restart"]:
            functions.restart()
            return {}
        case ["functions", "clock"]:
            return {"started": clock.shift(json.loads(body)["seconds"])}
        case ["mappings", "quiet"]:
            event_source_mappings.quiet_queues.share = json.loads(body)["share"]
            return {}
    raise ValueError(f"unknown control call: POST {'/'.join(path)}")


def _control_events(path: list[str], given: dict[str, Any]) -> dict[str, Any]:
    match path:
        case ["time"]:
            clock.move(given["seconds"])
            schedules.fire_due()
            return {}
        case ["rules", "fire"]:
            schedules.fire(given["rule"])
            return {}
        case ["rules", "withhold"]:
            withheld_events.withhold(given["rule"])
            return {}
        case ["rules", "withheld"]:
            return {"events": withheld_events.count(given["rule"])}
        case ["rules", "deliver"]:
            return {"events": withheld_events.deliver(given["rule"])}
    raise ValueError(f"unknown control call: POST {'/'.join(path)}")
