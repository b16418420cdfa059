"""Runs a headless Chromium from PATH; nothing is downloaded.

`python -m tests.browser.chromium` says on one line if there is none.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.engine.cli.build import must_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
# No requests of its own; no sandbox and no graphics card, as in a container.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
POLLING = 50  # ms; at each frame, as is usual, Chromium draws all the time
SETTLED = """() => [...document.querySelectorAll("iframe")].every(
    frame => frame.contentDocument?.readyState === "complete"
        && frame.clientHeight === frame.contentDocument.documentElement.scrollHeight)"""


class NoChromium(Exception):
    """There is no Chromium; the text says how to get one."""


def find_chromium() -> str:
    """Return its path. Raises NoChromium."""
    if (found := next(filter(None, map(shutil.which, NAMES)), None)) is None:
        raise NoChromium("no Chromium on PATH: apt-get install chromium")
    return found


@contextlib.contextmanager
def start_chromium() -> Iterator[Browser]:
    """Start it with an empty profile, which is deleted afterwards. Raises NoChromium.

    All pages share one window: the frame of a window is a page of its own, which takes longer than ours.
    """
    from playwright.sync_api import sync_playwright  # each worker collects these tests, and one runs them

    executable = find_chromium()
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=executable, args=FLAGS) as browser:
        browser.new_context().new_page()
        yield browser


@dataclass
class Opened:
    """An open page, its requests, and its errors and console messages."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@contextlib.contextmanager
def open_page(browser: Browser, file: Path, width: int, height: int, scheme: str) -> Iterator[Opened]:
    """Open a page, and wait until each of its frames has the height of its content.

    scheme: "light" or "dark".
    """
    page = browser.contexts[0].pages[0]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    opened = Opened(page)
    listeners: dict[str, Callable[[Any], None]] = {
        "console": lambda message: opened.complaints.append(message.text),
        "pageerror": lambda error: opened.complaints.append(str(error)),
        "dialog": lambda dialog: opened.complaints.append(f"dialog: {dialog.message}"),
        "request": lambda request: opened.requests.append(request.url),
    }
    for event, listener in listeners.items():
        page.on(event, listener)  # type: ignore[call-overload]
    try:
        page.goto(file.resolve().as_uri())
        page.wait_for_function(SETTLED, polling=POLLING)
        yield opened
    finally:
        for event, listener in listeners.items():
            page.remove_listener(event, listener)
        page.goto("about:blank")


if __name__ == "__main__":
    try:
        find_chromium()
    except NoChromium as missing:
        print(missing if must_run() else f"{missing}: the preview page's tests are skipped", file=sys.stderr)
        sys.exit(1 if must_run() else 0)
