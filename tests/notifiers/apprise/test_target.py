"""Which URLs are targets, and that only the plugin that is meant is imported."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import apprise.plugins
import pytest
from apprise import NotificationManager

from notifiers.apprise.infrastructure import check_url
from notifiers.apprise.target import candidates, find_plugin

SECRET = "vQxJmWpLsRkZ"


@pytest.mark.parametrize(
    "url",
    [
        f"discord://123456/{SECRET}",
        f"ntfy://{SECRET}",
        f"ntfys://{SECRET}@ntfy.example/topic?priority=high",
        f"tgram://123456789:{SECRET}abcdef/12315544/",
        f"mailtos://me:{SECRET}@example.com?to=team@example.com",
        f"MMOSTS://example.com/{SECRET}",
        f"ntfy://{SECRET}?retry=3",
        f"json://example.com/{SECRET}",
    ],
)
def test_a_target_is_accepted(url: str) -> None:
    assert check_url(url) is None


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "does not look like discord://"),
        (SECRET, "does not look like discord://"),
        (
            f"https://discord.com/api/webhooks/1/{SECRET}",
            "is an address of the web; Apprise's own form of it is needed",
        ),
        (f" discord://1/{SECRET}", "has spaces or a line break around it"),
        (f"discord://1/{SECRET}\n", "has spaces or a line break around it"),
        (f"{SECRET}://1/2", "Apprise has no service for what stands before ://"),
        (f"slack://{SECRET}", "Apprise does not accept the URL as one of Slack"),
        (f"pover://{SECRET}", "Apprise does not accept the URL as one of Pushover"),
        (f"ntfy://host/one/{SECRET}", "names 2 targets; take a notifier for each"),
        (f"mqtt://{SECRET}/topic", "needs paho-mqtt"),
        (f"syslog://{SECRET}", "is on the machine that sends, which is the Lambda"),
    ],
)
def test_what_is_wrong_with_a_url_is_said_without_it(
    url: str, problem: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(1)
    found = check_url(url)
    assert found is not None
    assert problem in found
    assert SECRET.lower() not in "".join([found, caplog.text, *capfd.readouterr()]).lower()


def test_nearly_each_scheme_is_found_without_importing_another_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails if a new version of Apprise names its schemes in another way, so that all plugins would be imported."""
    monkeypatch.setattr(Path, "read_text", functools.cache(Path.read_text))
    monkeypatch.setattr(Path, "rglob", functools.cache(lambda folder, pattern: [*Path.glob(folder, f"**/{pattern}")]))
    manager = NotificationManager()
    schemes = {scheme: plugin for plugin in manager.plugins() for scheme in plugin.schemas(plugin)}
    missed = [scheme for scheme, plugin in schemes.items() if plugin not in _plugins_of(candidates(scheme))]
    assert len(schemes) > 250
    assert len(missed) < 10
    assert all(find_plugin(scheme) is schemes[scheme] for scheme in missed)


def _plugins_of(modules: list[ModuleType]) -> list[object]:
    return [value for module in modules for value in vars(module).values()]


@pytest.mark.installed
def test_only_the_plugin_that_is_meant_is_imported(project: Path) -> None:
    program = f"""
import sys
from notifiers.apprise.target import open_target
open_target("pover://{"u" * 30}@{"a" * 30}")
print(*(name for name in sys.modules if name.startswith("apprise.plugins.")))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=project, capture_output=True, text=True, check=True)
    assert {*done.stdout.split()} == {"apprise.plugins.base", "apprise.plugins.pushover"}


def test_no_plugin_goes_around_the_calls_that_are_watched() -> None:
    """A plugin that made a session, or imported a function of requests, would follow redirects and not be read."""
    folder = Path(apprise.plugins.__file__).parent
    sources = {file.name: file.read_text("utf-8") for file in folder.rglob("*.py")}
    around = ("requests.Session", "requests.session", "from requests import", "urllib.request", "http.client")
    assert [(name, one) for name, text in sources.items() for one in around if one in text] == []
