"""Parses a mail as a mail program does."""

from __future__ import annotations

import functools
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser

import html5lib

HEADERS = {"From", "To", "Subject", "References", "Auto-Submitted", "MIME-Version", "Content-Type"}
TAGS = {"html", "head", "meta", "title", "body", "table", "tr", "td", "th", "h1", "p", "a", "br", "pre", "strong", "em"}
# No obsolete ones, such as `valign`, and none that runs scripts.
ATTRIBUTES = {"charset", "content", "href", "lang", "name", "role", "scope", "style"}


def read(raw: bytes) -> EmailMessage:
    assert all(len(line) < 998 for line in raw.split(b"\r\n"))
    assert raw.isascii()
    mail = message_from_bytes(raw, policy=default)
    assert isinstance(mail, EmailMessage)
    assert not mail.defects
    return mail


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body(preferencelist=(kind,))
    assert part is not None
    content: str = part.get_content()
    if kind == "html":
        check_html(content)
    return content


@functools.lru_cache(maxsize=32)  # the largest page takes 3 s, and tests read the same ones again and again
def check_html(page: str) -> None:
    """Raise ParseError unless it is HTML without errors."""
    html5lib.HTMLParser(strict=True).parse(page)


class Page(HTMLParser):
    """Collects the text, the links and the tags of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.links, self.tags = "", [], set()  # type: str, list[str], set[str]
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert {name for name, _ in attrs} <= ATTRIBUTES
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data
