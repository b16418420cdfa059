"""The preview page in a real browser, at the widths of a desktop and a phone, light and dark."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from typer.testing import CliRunner

from batchbell.cli import app
from tests.browser.chromium import POLLING, NoChromium, Opened, open_page, start_chromium
from tests.engine.cli.build import must_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DESKTOP, PHONE = (1280, 900), (390, 844)
HOSTILE = (
    "</title></style></script></iframe><script>window.top.document.title='owned'</script>"
    "<img src=x onerror=\"window.top.document.title='owned'\">&quot;\"'><b>bold</b>"
)
PAGES = 'const pages = [document, ...[...document.querySelectorAll("iframe")].map(frame => frame.contentDocument)];'
# Elements that overflow the page, their box or a frame to the right. The list of links may scroll.
OVERFLOW = """() => [
    ...[...document.querySelectorAll("body *")]
        .filter(one => !one.closest("nav"))
        .filter(one => one.getBoundingClientRect().right > innerWidth
            || one.scrollWidth > (one.clientWidth || Infinity))
        .map(one => `${one.tagName}.${one.className}: ${one.textContent.slice(0, 60)}`),
    ...[...document.querySelectorAll("iframe")]
        .filter(frame => frame.contentDocument.documentElement.scrollWidth > frame.clientWidth)
        .map(frame => frame.title)]"""
ELEMENTS = f"""() => {{ {PAGES} return pages.flatMap(
    page => [...page.querySelectorAll("script, img, b")].map(one => one.outerHTML)) }}"""
BACKGROUND = r"() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number)"
TEXT_IN_FRAMES = r"""() => [...document.querySelectorAll("iframe")]
    .map(frame => frame.contentDocument.body.querySelector("h1, .who b, p"))
    .map(element => getComputedStyle(element).color.match(/\d+/g).map(Number))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    try:
        with start_chromium() as running:
            yield running
    except NoChromium as missing:
        if must_run():
            pytest.fail(str(missing))
        pytest.skip(str(missing))


def write_preview(folder: Path, *arguments: str) -> Path:
    page = folder / "preview.html"
    result = CliRunner().invoke(app, ["preview", "--out", str(page), *arguments])
    assert result.exit_code == 0, result.output
    return page


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_preview(tmp_path_factory.mktemp("preview"))


@pytest.mark.parametrize(
    ("size", "schemes"), [(DESKTOP, ("light", "dark")), (PHONE, ("dark", "light"))], ids=["desktop", "phone"]
)
def test_nothing_overflows_nothing_is_fetched_and_there_are_no_errors_even_when_the_window_becomes_narrow(
    browser: Browser, page: Path, size: tuple[int, int], schemes: Sequence[Literal["light", "dark"]]
) -> None:
    """The page is opened with the first scheme, and then changes to the other: Chromium takes seconds to open it."""
    with open_page(browser, page, *size, schemes[0]) as opened:
        for scheme in schemes:
            opened.page.emulate_media(color_scheme=scheme)

            assert opened.page.evaluate("document.documentElement.scrollWidth") == size[0]
            assert opened.page.evaluate(OVERFLOW) == []
            # Bytes: without what the frames show it has 160,000, without any text 10,000.
            assert len(_picture(opened)) > 225_000
            _check_colours(opened, dark=scheme == "dark")
        _check_that_frames_grow_when_the_window_becomes_narrow(opened)

        assert opened.complaints == []
        assert [address for address in opened.requests if not address.startswith(("file:", "about:"))] == []


def _picture(opened: Opened) -> bytes:
    """Return the whole page as a JPEG of a quarter of its width, of which Chromium draws a sixteenth of the points."""
    page = opened.page
    size = page.evaluate("({width: innerWidth, height: document.documentElement.scrollHeight})")
    session = page.context.new_cdp_session(page)
    clip = {"x": 0, "y": 0, **size, "scale": 0.25}
    drawn = session.send("Page.captureScreenshot", {"format": "jpeg", "captureBeyondViewport": True, "clip": clip})
    session.detach()
    return base64.b64decode(drawn["data"])


def _check_colours(opened: Opened, *, dark: bool) -> None:
    """The text is dark on light or light on dark, in each frame too."""
    assert (sum(opened.page.evaluate(BACKGROUND)) / 3 < 128) is dark
    assert {sum(colour[:3]) / 3 > 128 for colour in opened.page.evaluate(TEXT_IN_FRAMES)} == {dark}


def _check_that_frames_grow_when_the_window_becomes_narrow(opened: Opened) -> None:
    page = opened.page
    heights = "() => [...document.querySelectorAll('iframe')].map(frame => frame.clientHeight)"
    scrolled = """() => [...document.querySelectorAll('iframe')].filter(
        frame => frame.contentDocument.documentElement.scrollHeight > frame.clientHeight).length"""
    wide = page.evaluate(heights)
    page.set_viewport_size({"width": 320, "height": 844})
    grown = f"wide => ({heights})().some((height, n) => height > wide[n])"
    page.wait_for_function(grown, arg=wide, polling=POLLING)
    page.wait_for_function(f"() => ({scrolled})() === 0", polling=POLLING)

    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_hostile_texts_of_a_job_are_shown_as_text_and_run_no_script(browser: Browser, tmp_path: Path, event) -> None:
    hostile = event("single-failed", jobName=HOSTILE, statusReason=HOSTILE)
    hostile["detail"]["container"] |= {"reason": HOSTILE, "logStreamName": HOSTILE}
    (tmp_path / "event.json").write_text(json.dumps(hostile))
    page = write_preview(tmp_path, "--event", str(tmp_path / "event.json"))

    with open_page(browser, page, *DESKTOP, "light") as opened:
        assert opened.complaints == []
        assert opened.page.title() == "batchbell · print-color"
        elements = opened.page.evaluate(ELEMENTS)
        # The page's own script, and the sender's name and avatar in the chats.
        assert [one for one in elements if "owned" in one or ">bold<" in one] == []
        shown = opened.page.evaluate(
            """() => [...document.querySelectorAll("iframe")].map(frame => frame.contentDocument.body.innerText)"""
        )
        assert all("<b>bold</b>" in text or "owned" in text for text in shown)
