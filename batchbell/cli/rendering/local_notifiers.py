"""Makes a stack's notifiers on this machine, from its settings alone, to show what they would send."""

from __future__ import annotations

import importlib
from typing import Any

from batchbell.contract import Secret, TemporaryError
from batchbell.dispatcher.manifest import Instance
from batchbell.provisioning import SecretReference

PLACEHOLDER = "(known after the deploy)"


def make_local_notifier(choice: Any) -> Instance:
    """Make one of the settings' `notifiers`.

    Values that are known only after a deploy, such as a topic's ARN, are a placeholder; secrets cannot be read.
    """
    module = importlib.import_module(choice.plugin.notifier_module)
    given = dict(choice.settings)
    settings = {name: PLACEHOLDER if value is None else value for name, value in given.items()}
    secrets = {name: Secret(name, _unavailable) for name, value in given.items() if isinstance(value, SecretReference)}
    notifier = module.create(settings, secrets)
    return Instance(
        choice.name,
        notifier,
        choice.statuses or (),
        choice.jobs or (),
        tags=choice.tags or {},
        log_lines=choice.log_lines,
        progress=hasattr(notifier, "update"),
    )


def _unavailable(fresh: bool) -> str:
    raise TemporaryError("no secret is read on this machine")
