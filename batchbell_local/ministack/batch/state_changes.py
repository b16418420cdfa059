"""Publishes state changes of jobs as EventBridge events on the default bus."""

from __future__ import annotations

import json
from collections.abc import Callable

from ministack.core.responses import request_scope
from ministack.services import eventbridge, sqs

from .job_json import event_detail
from .jobs import Job
from .operation import Json

DETAIL_TYPE = "Batch Job State Change"
EVENTS_KEPT = 1_000  # MiniStack would keep every event; an array of 10,000 has 50,000


class StateChangePublisher:
    """Publishes an event for the current state of a job. With `twice`, the event of each finished job is sent twice.

    Both copies have one id. AWS delivers at least once, so every consumer must handle a second copy.
    """

    def __init__(self, deliver: Callable[[Callable[[], None]], None], *, twice: bool) -> None:
        self._deliver = deliver
        self._twice = twice

    def publish(self, job: Job) -> None:
        entry = {
            "Source": "aws.batch",
            "DetailType": DETAIL_TYPE,
            "Detail": json.dumps(event_detail(job)),
            "Resources": [job.arn],
        }
        scope = (job.spec.account, job.spec.region)
        again = self._twice and job.status.is_final
        self._deliver(lambda: _put_event(entry, scope, again))


def _put_event(entry: Json, scope: tuple[str, str], again: bool) -> None:
    # MiniStack's event source mappings take messages under this lock, on threads of their own.
    with request_scope(*scope), sqs._queues_lock:
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
        published = eventbridge._events_log_list()
        if again:
            eventbridge._dispatch_event(published[-1])
        del published[:-EVENTS_KEPT]
