"""Makes the component that another program asks for, and says what that program gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from components import ArrayJobNotifier, ArrayJobNotifierArgs
from components.settings.mistakes import InvalidSettings, Mistake, suggest

from . import schema
from .spelling import camel_case, snake_case


def make(name: str, arguments: Mapping[str, Any], opts: pulumi.ResourceOptions) -> ArrayJobNotifier:
    """Raises what ArrayJobNotifier raises, and InvalidSettings for arguments that it does not have."""
    known = {snake_case(one) for one in schema.inputs()}
    unknown = [
        Mistake(one, f"no such setting{suggest(one, map(camel_case, known))}") for one in arguments if one not in known
    ]
    if unknown:
        raise InvalidSettings(unknown)
    return ArrayJobNotifier(name, ArrayJobNotifierArgs(**{"notifiers": (), **arguments}), opts)


def outputs_of(notifier: ArrayJobNotifier) -> dict[str, Any]:
    """The outputs in the schema."""
    outputs: dict[str, Any] = {camel_case(name): value for name, value in notifier.outputs.items()}
    outputs["topicArns"] = {
        name: shown["topic_arn"] for name, shown in outputs.pop("notifiers").items() if "topic_arn" in shown
    }
    if notifier.environment is not None:
        outputs["jobQueueArn"] = notifier.environment.queue_arn
    return outputs
