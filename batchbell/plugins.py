"""Finds notifiers at deploy time: folders in `notifiers/`, and installed distributions that declare the entry point
group `batchbell.notifiers` (the entry point's name is the notifier's type, its value the package that holds
`notifier` and `infrastructure`). There is no registry to edit, and nothing is imported until it was chosen: so a
notifier that is broken, or two of one name, concern only the stacks that choose it.
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

__all__ = ["DIGEST_LIMIT", "Plugin", "PluginError", "find_plugins", "notifiers_package"]

ENTRY_POINT_GROUP = "batchbell.notifiers"
PEOPLE_READ = 5  # messages at once, before one digest of all is better
DIGEST_LIMIT = 100  # jobs that a digest names
HALVES = ("infrastructure.py", "notifier.py")  # a folder with one of them is a notifier, if a broken one


class PluginError(Exception):
    """A notifier that cannot be used; the text names it and where it comes from."""


@dataclass(frozen=True)
class Plugin:
    """A type of notifier that a stack can choose."""

    type: str  # "slack"
    package: str  # "notifiers.slack"
    distribution: str | None = None  # the installed distribution, or None for a folder in notifiers/
    version: str | None = None  # of the distribution
    rivals: tuple[Plugin, ...] = ()  # others of the same name

    @property
    def notifier_module(self) -> str:
        """The module that runs in the Lambda."""
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
        """Where the package's files are. Raises PluginError if it cannot be found."""
        try:
            spec = importlib.util.find_spec(self.package)
        except Exception as error:  # its parent package is imported, and may fail in any way
            raise PluginError(f"{self}: {self.package} cannot be imported: {_told(error)}") from error
        if spec is None or not spec.submodule_search_locations:
            raise PluginError(f"{self}: there is no package {self.package}")
        return Path(next(iter(spec.submodule_search_locations)))

    def infrastructure(self) -> ModuleType:
        """The deploy-time module (see `batchbell.provisioning`).

        Raises PluginError if it cannot be imported or lacks something, and if another notifier has the same name.
        """
        if self.rivals:
            everyone = " and ".join(plugin.origin for plugin in (self, *self.rivals))
            raise PluginError(f"{1 + len(self.rivals)} notifiers are named {self.type}, and one may be: {everyone}")
        self.folder()
        try:
            module = importlib.import_module(f"{self.package}.infrastructure")
            run_time = importlib.util.find_spec(self.notifier_module)
        except (Exception, SystemExit) as error:
            raise PluginError(f"{self}: its infrastructure.py cannot be imported: {_told(error)}") from error
        if run_time is None:
            raise PluginError(f"{self}: there is no module {self.notifier_module}")
        if problem := _problem(module):
            raise PluginError(f"{self}: {problem}")
        return module

    def preview(self) -> ModuleType | None:
        """The module that draws its messages (see `batchbell.preview`), or None: it has none. Raises PluginError if
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
        """The distributions that the run-time half needs in the Lambda's package, as requirements ("requests>=2")."""
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
                f"{self}: DIGEST_AFTER in infrastructure.py is no whole number from 1 to "
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
    """Every notifier type that a stack can choose, by its name. Of two with the same name each is the other's rival,
    and neither can be used."""
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
        # What a killed uninstall leaves of a distribution may lack its metadata: then there is no name.
        if distribution is not None and (distribution.read_text("METADATA") or distribution.read_text("PKG-INFO")):
            yield Plugin(entry_point.name, entry_point.value, distribution.name, distribution.version)


def _problem(infrastructure: ModuleType) -> str | None:
    """What the module lacks of what `batchbell.provisioning` says, or None."""
    from batchbell.provisioning import NotifierSettings  # pydantic and pulumi: a second that only a choice costs

    settings = getattr(infrastructure, "Settings", None)
    if not (isinstance(settings, type) and issubclass(settings, NotifierSettings)):
        return "infrastructure.py has no Settings that is a subclass of batchbell.provisioning.NotifierSettings"
    if not callable(getattr(infrastructure, "provision", None)):
        return "infrastructure.py has no function provision"
    requires = getattr(infrastructure, "REQUIRES", ())
    if not (isinstance(requires, tuple) and all(map(_is_requirement, requires))):
        return 'REQUIRES in infrastructure.py is no tuple of distributions, for example REQUIRES = ("requests>=2",)'
    return None


def _is_requirement(text: Any) -> bool:
    try:
        Requirement(text)
    except (InvalidRequirement, TypeError):
        return False
    return True


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
