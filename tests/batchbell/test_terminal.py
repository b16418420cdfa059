"""What reaches a terminal of a hostile text, whatever it is printed in."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from rich.panel import Panel
from rich.progress import Progress, TextColumn
from rich.style import Style
from rich.table import Table
from rich.text import Text

from batchbell.terminal import Screen, block, harmless, line, to_json

HOSTILE = {
    "title of the window": "\x1b]0;owned\x07 \x1b]2;owned\x1b\\",
    "link": "\x1b]8;;https://evil.example\x1b\\text\x1b]8;;\x1b\\",
    "style": "\x1b[8mhidden\x1b[0m",
    "cursor": "\x1b[2J\x1b[1;1H\x1b[1A\r\x08",
    "C1": "\x9d0;owned\x9c \x9b8m \x90q\x9c",
    "device control": "\x1bP$qm\x1b\\ \x1b_x\x1b\\ \x1b^x\x1b\\",
    "direction": "\u202egnp.exe\u2066x\u2069\u200f\u061c",
    "line separators": "a\u2028b\u2029c\x85d\x0be\x0cf",
    "surrogates": "\ud800 \udfff \ufffe",
    "tags": "\U000e0041\U000e0042\ufeff\u200b",
    "markup": "[red]x[/red] :fox: [link=https://evil.example]y[/link] [/]",
}
OWN = re.compile(r"\x1b\[(?:0|[1-4]|31)(?:;(?:[1-4]|31))*m|\x1b\]8;[^;\x1b]*;(?:https://good\.example/[!-~]*)?\x1b\\")


def is_unseen(char):
    """Whether it controls, is one half, or ends a line."""
    return unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")


@pytest.fixture
def shown(capsys, monkeypatch):
    """Print on a terminal with colours and links, and return what arrives there."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")

    def run(*printed):
        Screen().print(*printed)
        return capsys.readouterr().out

    return run


def table(text):
    made = Table(text, title=text, caption=text)
    made.add_row(text)
    made.add_row(Text(text, "bold"))
    return made


FORMS = {
    "str": lambda text: text,
    "line": lambda text: line(text, (text, "red"), style="bold"),
    "block": lambda text: block(text),
    "table": table,
    "panel": lambda text: Panel(block(text), title=line(text), subtitle=line(text)),
    "link": lambda text: Text("label", Style(link=f"https://good.example/{text}")),
    "style": lambda text: Text("label", Style(link=text)),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_only_line_breaks_and_our_own_styles_and_links_reach_a_terminal(shown, form, text):
    rest = OWN.sub("", shown(FORMS[form](f"begin {text} end")))

    assert [f"U+{ord(char):04X}" for char in rest if is_unseen(char) and char != "\n"] == []
    assert harmless(rest) == rest


def test_our_own_styles_and_links_arrive(shown):
    arrived = shown(Text("label", Style(bold=True, link="https://good.example/x")))

    assert "\x1b[1m" in arrived
    assert ";https://good.example/x\x1b\\" in arrived


@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc/passwd", "http://x.example", "https://a\x1b\\b"])
def test_a_link_that_is_not_to_a_web_page_is_only_text(shown, url):
    arrived = shown(Text("label", Style(link=url)))

    assert arrived == "label\n"


@pytest.mark.parametrize("form", ["str", "line"])
def test_a_line_stays_one_line(shown, form):
    arrived = OWN.sub("", shown(FORMS[form]("begin\n\rforged\x85forged\u2028end")))

    assert len(arrived.splitlines()) == 1


def test_markup_in_a_text_is_only_text(shown):
    assert HOSTILE["markup"] in shown(HOSTILE["markup"])


def test_text_of_other_scripts_and_emoji_arrive_as_they_are(shown):
    text = "naïve 夜間 ночь می‌خواهم 👩‍👩‍👧 ⚠️"

    assert shown(text) == f"{text}\n"


def test_a_table_with_hostile_texts_stays_straight(shown):
    made = Table("job", "status")
    for text in HOSTILE.values():
        made.add_row(block(text.replace("[", "(")), "FAILED")
    lines = OWN.sub("", shown(made)).splitlines()

    assert len({len(one) for one in lines}) == 1


def test_a_progress_bar_shows_no_hostile_text(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Progress(TextColumn("{task.description}", markup=False), console=Screen(stderr=True)) as progress:
        progress.add_task("".join(HOSTILE.values()), total=1)
    arrived = capsys.readouterr().err

    assert "hidden" in arrived
    for sequence in ("\x1b]", "\x1b[8m", "\x1b[2J", "\x9b", "\u202e"):
        assert sequence not in arrived


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("indent", [None, 2])
def test_json_holds_the_same_texts_in_escapes(text, indent):
    value = {text: [text, {"x": text}]}
    written = to_json(value, indent)

    assert json.loads(written) == value
    assert [char for char in written if is_unseen(char) and char != "\n"] == []
    assert harmless(written) == written


def test_json_stays_readable():
    assert to_json({"name": "夜間 ✓"}) == '{"name": "夜間 ✓"}'
