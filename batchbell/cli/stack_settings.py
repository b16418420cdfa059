"""The settings of a stack, read from the files of the Pulumi program in the current folder."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType
from typing import Any

import pulumi
import typer

from batchbell import stack_files
from batchbell.cli.errors import CommandFailed
from batchbell.cli.program_folder import program_folder
from batchbell.terminal import Screen, block

INVALID_SETTINGS = 1  # exit code


def components(module: str) -> ModuleType:
    """Import a module of the components, which are inside `batchbell` in a wheel and beside it in a checkout."""
    package = "batchbell.components" if importlib.util.find_spec("batchbell.components") else "components"
    return importlib.import_module(f"{package}.{module}")


def short_name(stack: str) -> str:
    """Return a stack's name without its organization and project."""
    return stack.rpartition("/")[2]


def read_stack_settings(stack: str) -> Any:
    """Return the stack's validated settings; values that are encrypted stay unknown.

    Prints every mistake in the settings and ends the command, if there are any. Raises CommandFailed.
    """
    folder = program_folder()
    try:
        found = stack_files.find_stack(folder, stack)
        if not found.file.exists():
            folders = (found.file.parent, folder / stack_files.EXAMPLES)
            files = (file for one in folders for file in one.glob(f"Pulumi.*{found.file.suffix}"))
            stacks = ", ".join(sorted({file.stem.removeprefix("Pulumi.") for file in files}))
            raise CommandFailed(
                f"there is no {found.file.name} in {found.file.parent}; its stacks are: {stacks or 'none'}"
            )
        config = stack_files.load(folder, stack, {}, {}, skip_encrypted=True)
    except stack_files.InvalidConfig as invalid:
        raise CommandFailed(str(invalid)) from None
    prefix = f"{config.project}:"
    plain = {key.removeprefix(prefix): value for key, value in config.values.items() if key.startswith(prefix)}
    encrypted = [key.removeprefix(prefix) for key in config.secret_keys if key.startswith(prefix)]
    read = components("settings.stack_config").settings_from_config
    try:
        return read(plain, secrets=None, context=None, prefix=prefix, secret_names=encrypted)
    except pulumi.RunError as mistakes:
        Screen(stderr=True).print(block(str(mistakes)), soft_wrap=True)
        raise typer.Exit(INVALID_SETTINGS) from None


def asked_of_messages(settings: Any) -> dict[str, Any]:
    """Return what a stack asks of its messages, as `event_file.message_of` and `sample_messages` take it."""
    return {name: getattr(settings, name) for name in ("owner_tag", "log_lines", "rerun_hint")}
