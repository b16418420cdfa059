"""How long the steps wait for AWS."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """Seconds of a run on AWS.

    child: how long each child of the array runs
    look: between two looks at something
    status: between two runs of batchbell's `status`, each of which reads all queues and dead letters
    policy: until a queue's new policy surely applies (SQS API reference, SetQueueAttributes: up to 60 seconds)
    metric: at most, until a metric has moved (metrics come by the minute, and late)
    alarm: at most, until an alarm has noticed
    gone: at most, until deleted resources are no longer listed
    """

    child: int = 60
    look: float = 5
    status: float = 15
    policy: float = 75
    metric: float = 900
    alarm: float = 300
    gone: float = 240
