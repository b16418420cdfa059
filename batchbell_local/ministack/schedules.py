"""Makes MiniStack's EventBridge follow the clock that a test moves, with its schedules and the times of its events.

MiniStack looks for schedules that are due every 10 s, and so does what moves the clock. A schedule that is due several
times over fires once. A rate of 1 takes a singular unit, any other a plural one (Amazon EventBridge User Guide, "Rate
expressions reference"); MiniStack takes both.
"""

from __future__ import annotations

import re
import threading

from ministack.core.responses import get_account_id, get_region
from ministack.services import eventbridge

from .clocks import clock

DEFAULT_BUS = "default"
RATE = re.compile(r"rate\((1 (minute|hour|day)|(?!0+ |1 )\d+ (minutes|hours|days))\)")


class UnknownSchedule(LookupError):
    """There is no enabled rule with this name and a schedule."""


def install() -> None:
    """Make this process's MiniStack keep the movable clock."""
    tick, lock = eventbridge._tick_scheduled_rules, threading.Lock()

    def tick_alone() -> None:
        with lock:  # else two threads find the same schedule due
            tick()

    eventbridge._tick_scheduled_rules = tick_alone
    eventbridge._now_ts = clock.now
    validate = eventbridge._validate_schedule_expression

    def is_valid(expression: str) -> bool:
        is_rate = expression.startswith("rate(")
        return RATE.fullmatch(expression) is not None if is_rate else bool(validate(expression))

    eventbridge._validate_schedule_expression = is_valid


def fire_due() -> None:
    """Fire the schedules that are due now."""
    eventbridge._tick_scheduled_rules()


def fire(name: str) -> None:
    """Fire the schedule of a rule on the default bus now; its next time counts from here. Raises UnknownSchedule."""
    key = eventbridge._rule_key(name, DEFAULT_BUS)
    rule = eventbridge._rules.get(key) or {}
    if not rule.get("ScheduleExpression") or rule["State"] != "ENABLED":
        raise UnknownSchedule(name)
    eventbridge._rule_last_fired[get_account_id(), get_region(), key] = 0.0
    fire_due()
