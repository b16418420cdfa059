"""Finds notifiers at deploy time: folders in `notifiers/`, and installed distributions that declare the entry point
group `batchbell.notifiers` (the entry point's name is the notifier's type, its value the package that holds
`notifier` and `infrastructure`). There is no registry to edit, and nothing is imported until it was chosen.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType

ENTRY_POINT_GROUP = "batchbell.notifiers"
PEOPLE_READ = 5  # messages at once, before one digest of all is better
DIGEST_LIMIT = 100  # jobs that a digest names


class PluginError(Exception):
    """A notifier that cannot be used; the text names it and where it comes from."""


@dataclass(frozen=True)
class Plugin:
    """A type of notifier that a stack can choose."""

    type: str  # "slack"
    package: str  # "notifiers.slack"
    distribution: str | None = None  # the installed distribution, or None for a folder in notifiers/

    @property
    def notifier_module(self) -> str:
        """The module that runs in the Lambda."""
        return f"{self.package}.notifier"

    @property
    def origin(self) -> str:
        return f"distribution {self.distribution}" if self.distribution else f"folder notifiers/{self.type}"

    def folder(self) -> Path:
        """Where the package's files are. Raises PluginError if it cannot be found."""
        try:
            spec = importlib.util.find_spec(self.package)
        except ImportError as error:
            raise PluginError(f"notifier {self.type} ({self.origin}) cannot be imported: {error}") from error
        if spec is None or not spec.submodule_search_locations:
            raise PluginError(f"notifier {self.type} ({self.origin}): no package {self.package}")
        return Path(next(iter(spec.submodule_search_locations)))

    def infrastructure(self) -> ModuleType:
        """The deploy-time module (see `batchbell.provisioning`). Raises PluginError if it cannot be imported."""
        try:
            module = importlib.import_module(f"{self.package}.infrastructure")
        except Exception as error:
            raise PluginError(
                f"notifier {self.type} ({self.origin}) cannot be imported: {type(error).__name__}: {error}"
            ) from error
        for needed in ("Settings", "provision"):
            if not hasattr(module, needed):
                raise PluginError(f"notifier {self.type} ({self.origin}): infrastructure.py has no {needed}")
        return module

    def preview(self) -> ModuleType | None:
        """The module that draws its messages (see `batchbell.previewing`), or None: it has none. Raises PluginError if
        it cannot be imported."""
        name = f"{self.package}.preview"
        try:
            if importlib.util.find_spec(name) is None:
                return None
            return importlib.import_module(name)
        except Exception as error:
            raise PluginError(
                f"notifier {self.type} ({self.origin}): {name} cannot be imported: {type(error).__name__}: {error}"
            ) from error

    def requires(self) -> tuple[str, ...]:
        """The distributions that the run-time half needs in the Lambda's package."""
        return tuple(getattr(self.infrastructure(), "REQUIRES", ()))

    def digest_after(self) -> int:
        """How many messages at once are still sent one by one, unless the stack says otherwise; 0: any number.

        Raises PluginError if the notifier's own DIGEST_AFTER is no such number.
        """
        number = getattr(self.infrastructure(), "DIGEST_AFTER", PEOPLE_READ)
        if number is None:
            return 0
        if type(number) is not int or not 0 <= number <= DIGEST_LIMIT:
            raise PluginError(
                f"notifier {self.type} ({self.origin}): DIGEST_AFTER in infrastructure.py is no whole number from 1 to "
                f"{DIGEST_LIMIT}, and neither None nor 0 for no digests"
            )
        return number


def notifiers_package() -> tuple[str, Path]:
    """The package of the notifiers that come with batchbell: inside `batchbell` in a wheel, beside it in a checkout."""
    inside = Path(__file__).parent / "notifiers"
    if inside.is_dir():
        return "batchbell.notifiers", inside
    return "notifiers", Path(__file__).parent.parent / "notifiers"


def find_plugins() -> Mapping[str, Plugin]:
    """Every notifier type that a stack can choose, by its name. Raises PluginError if two have the same name."""
    package, folder = notifiers_package()
    found = {
        module.parent.name: Plugin(module.parent.name, f"{package}.{module.parent.name}")
        for module in sorted(folder.glob("*/infrastructure.py"))
    }
    for entry_point in metadata.entry_points(group=ENTRY_POINT_GROUP):
        distribution = entry_point.dist.name if entry_point.dist else "unknown"
        plugin = Plugin(entry_point.name, entry_point.value, distribution)
        if (other := found.get(plugin.type)) is not None:
            raise PluginError(f"two notifiers are named {plugin.type}: {other.origin} and {plugin.origin}")
        found[plugin.type] = plugin
    return found
