"""Takes the picture in the README: `python -m tests.browser.screenshot PAGE.html PICTURE.png`."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.browser.chromium import NoChromium, open_page, start_chromium

WIDTH, HEIGHT = 1280, 1090


def take(page: Path, picture: Path) -> None:
    with start_chromium() as browser, open_page(browser, page, WIDTH, HEIGHT, "light") as opened:
        opened.page.screenshot(path=picture)


if __name__ == "__main__":
    try:
        take(Path(sys.argv[1]), Path(sys.argv[2]))
    except NoChromium as missing:
        sys.exit(str(missing))
