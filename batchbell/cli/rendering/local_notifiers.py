"""Makes a stack's notifiers on this machine, from its settings alone, to show what they would send."""

from __future__ import annotations

import importlib
from typing import Any

from batchbell.contract import Secret, TemporaryError
from batchbell.dispatcher.manifest import Instance

PLACEHOLDER = "(known after the deploy)"


def make_local_notifier(choice: Any) -> Instance:
    """Make one of the settings' `notifiers`.

    Values that are known only after a deploy, such as a topic's ARN, are a placeholder; secrets cannot be read.
    """
    module = importlib.import_module(choice.plugin.notifier_module)
    settings = {name: PLACEHOLDER if value is None else value for name, value in dict(choice.settings).items()}
    secrets = {name: Secret(name, _unavailable) for name in settings}
    return Instance(
        choice.name,
        module.create(settings, secrets),
        choice.statuses or (),
        choice.jobs or (),
        tags=choice.tags or {},
        log_lines=choice.log_lines,
    )


def _unavailable(fresh: bool) -> str:
    raise TemporaryError("no secret is read on this machine")
