"""Makes MiniStack's EventBridge deliver to queues as AWS does, in its process.

The queue's policy, and that of its key, must allow the rule to send, and the queue's maximum message size applies. A
refused event goes to the target's dead-letter queue with the reason in its message attributes; if that refuses it too,
the event is lost, and the log of this process says so. (EventBridge User Guide, "Using resource-based policies" and
"Using dead-letter queues to process undelivered events".) Nothing is retried: EventBridge does not retry permanent
errors.
"""

from __future__ import annotations

import contextvars
import json
import logging
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.arn import parse_arn
from ministack.services import eventbridge, sqs

from .queue_keys import may_send_under_key

SENDER = "events.amazonaws.com"
Json = dict[str, Any]

_logger = logging.getLogger("eventbridge")


@dataclass(frozen=True)
class _Delivery:
    """The delivery of one event from a rule to one of its targets."""

    rule_arn: str
    target: Json
    event: str  # as it was put on the bus, without the target's input transformation


@dataclass(frozen=True)
class _Refusal:
    """Why a queue refuses an event. `code` is EventBridge's, `message` SQS's."""

    code: str
    message: str


_delivery: contextvars.ContextVar[_Delivery | None] = contextvars.ContextVar("delivery", default=None)


def install() -> None:
    """Make this process's MiniStack deliver events to queues as EventBridge does."""
    invoke, send = eventbridge._invoke_target, eventbridge._dispatch_to_sqs

    def invoke_target(target: Json, event: Json, rule: Json, view: Any = None) -> None:
        if ":rule/" not in rule.get("Arn", ""):  # EventBridge Scheduler sends with a role of its own
            invoke(target, event, rule, view)
            return
        view = view or eventbridge._pattern_event_view(event)
        token = _delivery.set(_Delivery(rule["Arn"], target, json.dumps(view.event_with_detail())))
        try:
            invoke(target, event, rule, view)
        finally:
            _delivery.reset(token)

    def dispatch_to_sqs(spec: Any, payload: str, sqs_parameters: Json | None = None) -> None:
        delivery = _delivery.get()
        if delivery is None:
            send(spec, payload, sqs_parameters)
            return
        with sqs._queues_lock:
            refusal = _refusal(str(spec), delivery.rule_arn, len(payload.encode()))
            if refusal is None:
                send(spec, payload, sqs_parameters)
                return
            _logger.warning("the event for %s is refused: %s", spec, refusal.message)
            attributes = _attributes(delivery, refusal)
            dead_letters = _dead_letter_queue(delivery, attributes)
            if dead_letters is None:
                return
            send(parse_arn(dead_letters), delivery.event)
            letter = sqs._queue_by_arn(dead_letters)["messages"][-1]
            letter["message_attributes"] = attributes
            letter["md5_attrs"] = sqs._md5_msg_attrs(attributes)

    eventbridge._invoke_target = invoke_target
    eventbridge._dispatch_to_sqs = dispatch_to_sqs


def _refusal(queue_arn: str, rule_arn: str, size: int) -> _Refusal | None:
    queue = sqs._queue_by_arn(queue_arn)
    if queue is None:
        return _Refusal("NO_RESOURCE", "The specified queue does not exist.")
    # On a thread of the Batch extension the request does not count as TLS yet.
    if not contextvars.copy_context().run(_may_send, rule_arn, queue_arn):
        return _Refusal("NO_PERMISSIONS", f"Access to the resource {queue_arn} is denied.")
    if not may_send_under_key(queue, SENDER, rule_arn):
        return _Refusal("NO_PERMISSIONS", f"The key of {queue_arn} does not allow {SENDER} to use it.")
    limit = int(queue["attributes"]["MaximumMessageSize"])
    if size > limit:
        return _Refusal("INVALID_PARAMETER", f"Message must be shorter than {limit} bytes.")
    return None


def _may_send(rule_arn: str, queue_arn: str) -> bool:
    iam_evaluator.pin_request_origin("127.0.0.1", True)
    account = rule_arn.split(":")[4]
    return bool(sqs.queue_policy_allows(queue_arn, SENDER, rule_arn, account))


def _dead_letter_queue(delivery: _Delivery, attributes: Json) -> str | None:
    """The ARN of the dead-letter queue that accepts the event; None if the event is lost."""
    arn: str | None = (delivery.target.get("DeadLetterConfig") or {}).get("Arn")
    if arn is None:
        _logger.warning("the event is lost: %s has no dead-letter queue", delivery.target["Id"])
        return None
    texts = (name + attribute["DataType"] + attribute["StringValue"] for name, attribute in attributes.items())
    refusal = _refusal(arn, delivery.rule_arn, len((delivery.event + "".join(texts)).encode()))
    if refusal:
        _logger.warning("the event is lost: %s refuses it too: %s", arn, refusal.message)
        return None
    return arn


def _attributes(delivery: _Delivery, refusal: _Refusal) -> Json:
    """The attributes of the dead letter, without EXHAUSTED_RETRY_CONDITION, which names the retry limit reached."""
    texts = {
        "RULE_ARN": delivery.rule_arn,
        "TARGET_ARN": delivery.target["Arn"],
        "ERROR_CODE": refusal.code,
        "ERROR_MESSAGE": refusal.message,
        "RETRY_ATTEMPTS": "0",
    }
    return {name: {"DataType": "String", "StringValue": text} for name, text in texts.items()}
