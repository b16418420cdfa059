"""Finds notifiers at deploy time: folders in `notifiers/`, and entry points of installed distributions.

The entry point's group is `batchbell.notifiers`, its name the notifier's type, its value the package with the modules
`notifier` and `infrastructure`. There is no registry to edit. A notifier is imported only if it was chosen, so that a
broken one, or two of the same name, affect only the stacks that choose them.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from batchbell.wire import DIGEST_LIMIT

__all__ = ["Plugin", "PluginError", "find_plugins", "notifiers_package"]

ENTRY_POINT_GROUP = "batchbell.notifiers"
DIGEST_AFTER = 5  # messages at once that people still read one by one
HALVES = ("infrastructure.py", "notifier.py")  # a folder with only one of them is a broken notifier


class PluginError(Exception):
    """A notifier cannot be used. The text names it and its origin."""


@dataclass(frozen=True)
class Plugin:
    """A type of notifier that a stack can choose."""

    type: str  # "slack"
    package: str  # "notifiers.slack"
    distribution: str | None = None  # the installed distribution, or None for a folder in notifiers/
    version: str | None = None  # of the distribution
    rivals: tuple[Plugin, ...] = ()  # others with the same type

    @property
    def notifier_module(self) -> str:
        """Name of the module that runs in the Lambda."""
        return f"{self.package}.notifier"

    @property
    def origin(self) -> str:
        """ "distribution acme-pager 1.0" or "folder notifiers/slack"."""
        if self.distribution is None:
            return f"folder notifiers/{self.type}"
        return f"distribution {self.distribution} {self.version}"

    def __str__(self) -> str:
        return f"notifier {self.type} ({self.origin})"

    def folder(self) -> Path:
        """The package's folder. Raises PluginError if it cannot be found."""
        try:
            spec = importlib.util.find_spec(self.package)
        except (Exception, SystemExit) as error:  # its parent package is imported, and may fail in any way
            raise PluginError(f"{self}: {self.package} cannot be imported: {_describe(error)}") from error
        if spec is None or not spec.submodule_search_locations:
            raise PluginError(f"{self}: the package {self.package} does not exist")
        return Path(next(iter(spec.submodule_search_locations)))

    def infrastructure(self) -> ModuleType:
        """Import the deploy-time module (see `batchbell.provisioning`).

        Raises PluginError if it cannot be imported or lacks something, or if another notifier has the same type.
        """
        if self.rivals:
            everyone = " and ".join(plugin.origin for plugin in (self, *self.rivals))
            raise PluginError(f"{1 + len(self.rivals)} notifiers are named {self.type}, only one may be: {everyone}")
        self.folder()
        try:
            module = importlib.import_module(f"{self.package}.infrastructure")
            run_time = importlib.util.find_spec(self.notifier_module)
        except (Exception, SystemExit) as error:
            raise PluginError(f"{self}: its infrastructure.py cannot be imported: {_describe(error)}") from error
        if run_time is None:
            raise PluginError(f"{self}: the module {self.notifier_module} does not exist")
        if problem := _problem(module):
            raise PluginError(f"{self}: {problem}")
        return module

    def preview(self) -> ModuleType | None:
        """Import the module that draws its messages (see `batchbell.preview`); None if there is no such module.

        Raises PluginError if it cannot be imported.
        """
        name = f"{self.package}.preview"
        try:
            if importlib.util.find_spec(name) is None:
                return None
            return importlib.import_module(name)
        except (Exception, SystemExit) as error:
            raise PluginError(f"{self}: {name} cannot be imported: {_describe(error)}") from error

    def requires(self) -> tuple[str, ...]:
        """Requirements ("requests>=2") of the run-time half beyond what every package has."""
        return tuple(getattr(self.infrastructure(), "REQUIRES", ()))

    def digest_after(self) -> int:
        """The type's default: how many messages at once are still sent one by one; 0: send no digests.

        Raises PluginError if the notifier's own DIGEST_AFTER is not such a number.
        """
        number = getattr(self.infrastructure(), "DIGEST_AFTER", DIGEST_AFTER)
        if type(number) is not int or not 0 <= number <= DIGEST_LIMIT:
            raise PluginError(
                f"{self}: DIGEST_AFTER in infrastructure.py must be a whole number from 1 to {DIGEST_LIMIT}, "
                "or 0 for never"
            )
        return number


def notifiers_package() -> tuple[str, Path]:
    """The package with batchbell's notifiers, by name and folder.

    It is inside `batchbell` in a wheel, and beside it in a checkout.
    """
    inside = Path(__file__).parent / "notifiers"
    if inside.is_dir():
        return "batchbell.notifiers", inside
    return "notifiers", Path(__file__).parent.parent / "notifiers"


def find_plugins() -> Mapping[str, Plugin]:
    """All notifiers that a stack can choose, by type.

    If two have the same type, they are rivals, and neither can be used.
    """
    found: dict[str, Plugin] = {}
    for plugin in (*_in_folders(), *_in_distributions()):
        first = found.setdefault(plugin.type, plugin)
        if plugin not in (replace(first, rivals=()), *first.rivals):
            found[plugin.type] = replace(first, rivals=(*first.rivals, plugin))
    return found


def _in_folders() -> Iterator[Plugin]:
    package, folder = notifiers_package()
    for name in sorted({module.parent.name for half in HALVES for module in folder.glob(f"*/{half}")}):
        yield Plugin(name, f"{package}.{name}")


def _in_distributions() -> Iterator[Plugin]:
    for entry_point in metadata.entry_points(group=ENTRY_POINT_GROUP):
        distribution = entry_point.dist
        # A killed uninstall may leave a distribution without metadata, and so without a name.
        if distribution is not None and (distribution.read_text("METADATA") or distribution.read_text("PKG-INFO")):
            yield Plugin(entry_point.name, entry_point.value, distribution.name, distribution.version)


def _problem(infrastructure: ModuleType) -> str | None:
    """What the module lacks (see `batchbell.provisioning`), or None."""
    from batchbell.provisioning import NotifierSettings  # imports pydantic and pulumi, which takes a second

    settings = getattr(infrastructure, "Settings", None)
    if not (isinstance(settings, type) and issubclass(settings, NotifierSettings)):
        return "infrastructure.py has no Settings that is a subclass of batchbell.provisioning.NotifierSettings"
    if not callable(getattr(infrastructure, "provision", None)):
        return "infrastructure.py has no function provision"
    requires = getattr(infrastructure, "REQUIRES", ())
    if not (isinstance(requires, tuple) and all(map(_is_requirement, requires))):
        return 'REQUIRES in infrastructure.py must be a tuple of requirements, for example REQUIRES = ("requests>=2",)'
    return None


def _is_requirement(text: Any) -> bool:
    try:
        Requirement(text)
    except (InvalidRequirement, TypeError):
        return False
    return True


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
