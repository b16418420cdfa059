"""The Pulumi program that the commands are about: its folder, its components, its stacks' settings."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from batchbell import stack_files
from batchbell.cli.errors import CommandFailed

CHECKOUT = Path(__file__).resolve().parents[2]


def program_folder() -> Path:
    """The folder with Pulumi.yaml: where the command was typed, or the checkout that batchbell runs from."""
    for folder in (Path.cwd(), CHECKOUT):
        if (folder / "Pulumi.yaml").exists():
            return folder
    raise CommandFailed("there is no Pulumi.yaml here: change to the program's folder")


def components(module: str) -> ModuleType:
    """A module of the components: inside `batchbell` in a wheel, beside it in a checkout."""
    if (CHECKOUT / "batchbell" / "components").is_dir():
        return importlib.import_module(f"batchbell.components.{module}")
    if str(CHECKOUT) not in sys.path:
        sys.path.insert(0, str(CHECKOUT))
    return importlib.import_module(f"components.{module}")


def stack_settings(stack: str) -> Any:
    """The stack's validated settings, from its files alone: what is encrypted stays unknown.

    Raises CommandFailed, and pulumi.RunError with every mistake in the settings.
    """
    folder = program_folder()
    if not (folder / f"Pulumi.{stack}.yaml").exists():
        there = ", ".join(sorted(file.name[len("Pulumi.") : -len(".yaml")] for file in folder.glob("Pulumi.*.yaml")))
        raise CommandFailed(f"there is no Pulumi.{stack}.yaml in {folder}; its stacks are: {there or 'none'}")
    try:
        config = stack_files.load(folder, stack, {}, {}, skip_encrypted=True)
    except stack_files.InvalidConfig as invalid:
        raise CommandFailed(str(invalid)) from None
    prefix = f"{config.project}:"
    plain = {key.removeprefix(prefix): value for key, value in config.values.items() if key.startswith(prefix)}
    return components("settings.stack_config").settings_from_config(plain, secrets=None, context=None, prefix=prefix)
