"""Makes a plugin of Apprise from a URL, and says what is wrong with one, without showing it.

Apprise itself imports each of its 190 plugins to find one, which takes a second; this imports the one that is meant.
"""

from __future__ import annotations

import functools
import importlib
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import apprise.plugins
from apprise import AppriseAsset, NotificationManager, NotifyBase

from .silence import mute_loggers, silence

EXAMPLE = "discord://WEBHOOK_ID/WEBHOOK_TOKEN"
SCHEME = re.compile(r"([A-Za-z0-9]{1,40})://.+")
ON_THIS_MACHINE = ("syslog", "windows", "macosx", "gnome", "dbus", "glib", "kde", "qt", "blink1")
# Of its own names and pictures, which it would load from elsewhere, a message shows none.
SHOWN: dict[str, Any] = {
    "app_id": "batchbell",
    "app_desc": "batchbell",
    "app_url": "",
    "image_url_mask": "",
    "image_url_logo": "",
    "interpret_emojis": False,
    "http_redirects": False,
}


class WrongTarget(Exception):
    """The URL is no target. The text does not show it."""


def url_problem(url: str) -> str | None:
    """Say what is wrong with a URL, without showing it; None if it is right."""
    with silence():
        try:
            open_target(url)
        except WrongTarget as wrong:
            return str(wrong)
    return None


def open_target(url: str) -> NotifyBase:
    """Return a plugin that sends to the URL's one target. Raises WrongTarget."""
    match = SCHEME.fullmatch(url)
    if url != url.strip():
        raise WrongTarget("the URL has spaces or a line break around it")
    if match is None:
        raise WrongTarget(f"the URL does not look like {EXAMPLE}")
    scheme = match[1].lower()
    if scheme in ("http", "https"):
        raise WrongTarget(f"the URL is an address of the web; Apprise's own form of it is needed, such as {EXAMPLE}")
    kind = find_plugin(scheme)
    if kind is None:
        raise WrongTarget(f"Apprise has no service for what stands before :// in the URL; {EXAMPLE} is an example")
    service = service_name(kind)
    if scheme in ON_THIS_MACHINE:
        raise WrongTarget(f"{service} is on the machine that sends, which is the Lambda")
    if missing := kind.requirements.get("packages_required"):
        needed = missing if isinstance(missing, str) else ", ".join(missing)
        raise WrongTarget(f"{service} needs {needed}, which is not in the Lambda's package")
    plugin = _make(kind, url)
    if plugin is None:
        raise WrongTarget(f"Apprise does not accept the URL as one of {service}")
    targets = len(plugin) // (plugin.retry + 1)  # Apprise counts the calls, with the retries that the URL asks for
    if targets > 1:
        raise WrongTarget(f"the URL names {targets} targets; take a notifier for each")
    return plugin


def service_name(plugin: NotifyBase | type[NotifyBase]) -> str:
    """Return the service's name for people."""
    return str(plugin.service_name)


@functools.cache
def find_plugin(scheme: str) -> type[NotifyBase] | None:
    """Return the plugin that serves a scheme, such as "discord"; None if there is none."""
    for module in candidates(scheme):
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, NotifyBase) and scheme in _schemes(kind):
                mute_loggers()  # those of what it has imported, too
                return kind
    manager: Any = NotificationManager
    return next((kind for kind in manager().plugins() if scheme in _schemes(kind)), None)  # which imports all


def _schemes(kind: Any) -> set[str]:
    found: set[str] = kind.schemas(kind)
    return found


def candidates(scheme: str) -> list[ModuleType]:
    """Import the plugins whose sources name the scheme as theirs."""
    named = re.compile(rf'^    (?:secure_)?protocol\b[^=\n]*= *(?:\([^)]*|\{{[^}}]*|)"{scheme}"', re.MULTILINE)
    folder = Path(apprise.plugins.__file__).parent
    files = sorted(folder.rglob("*.py"), key=lambda file: file.stem != scheme)
    for file in files:
        text = file.read_text(encoding="utf-8")
        if f'"{scheme}"' in text and named.search(text):  # the first is much faster
            path = file.relative_to(folder).with_suffix("")
            return [importlib.import_module(".".join(["apprise.plugins", *path.parts]).removesuffix(".__init__"))]
    return []


def _make(kind: type[NotifyBase], url: str) -> NotifyBase | None:
    try:
        parsed = kind.parse_url(url.replace("/#", "/%23"))  # as Apprise does
        if not parsed:
            return None
        return kind(**{**parsed, "asset": AppriseAsset(**SHOWN)})
    except Exception:  # its text may hold the URL; plugins raise TypeError and others
        return None
