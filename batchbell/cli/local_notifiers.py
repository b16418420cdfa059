"""A stack's notifiers on this machine: made from its settings alone, to show what they would send."""

from __future__ import annotations

import importlib
from typing import Any

import pulumi
import typer
from rich.console import Console
from rich.text import Text

from batchbell.cli.stack_settings import stack_settings
from batchbell.contract import Secret, TemporaryError
from batchbell.dispatcher.manifest import Instance

WRONG_SETTINGS = 1  # exit code
PLACEHOLDER = "(known after the deploy)"


def read_stack_settings(stack: str) -> Any:
    """The stack's settings. Mistakes in them are told, all of them, and end the command. Raises CommandFailed."""
    try:
        return stack_settings(stack)
    except pulumi.RunError as mistakes:
        Console(stderr=True).print(Text(str(mistakes)), soft_wrap=True)
        raise typer.Exit(WRONG_SETTINGS) from None


def make_local_notifier(choice: Any) -> Instance:
    """From one of the settings' `notifiers`. What is known only after a deploy, such as a topic's ARN, is a
    placeholder, and a secret cannot be read."""
    module = importlib.import_module(choice.plugin.notifier_module)
    settings = {name: PLACEHOLDER if value is None else value for name, value in dict(choice.settings).items()}
    secrets = {name: Secret(name, _unread) for name in settings}
    return Instance(choice.name, module.create(settings, secrets), choice.statuses, choice.jobs)


def _unread(fresh: bool) -> str:
    raise TemporaryError("no secret is read on this machine")
