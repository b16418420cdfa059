"""Draws an app's message in a chat such as Slack as HTML, for previews."""

from __future__ import annotations

import html
import re

_TOKEN = re.compile(r"<(?P<target>[^<>|]+)(?:\|(?P<label>[^<>]*))?>|`(?P<code>[^`\n]+)`")
# Slack: "Formatting text for app surfaces". Emphasis marks count only at the start and end of a word.
_EMPHASIS = (
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])"), r"<b>\1</b>"),
    (re.compile(r"(?<!\w)_(?=\S)([^_\n]+?)(?<=\S)_(?!\w)"), r"<i>\1</i>"),
    (re.compile(r"(?<![\w~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\w~])"), r"<s>\1</s>"),
)

_STYLE = """
:root { color-scheme: light dark; --text: #1d1c1d; --quiet: #616061; --link: #1264a3; --line: #ddd; --edge: #1d1c1d4d;
  --chip: #1d1c1d14; }
@media (prefers-color-scheme: dark) { :root { --text: #d1d2d3; --quiet: #ababad; --link: #4aa8e0; --line: #35373b;
  --edge: #797c814d; --chip: #e8e8e817; } }
* { box-sizing: border-box; }
body { margin: 0; color: var(--text); font: 15px/1.46668 Lato, -apple-system, "Segoe UI", Roboto, "Liberation Sans",
  Helvetica, Arial, sans-serif; overflow-wrap: anywhere; }
.message { display: flex; gap: 8px; }
.avatar { border-radius: 8px; display: grid; flex: none; height: 36px; overflow: hidden; place-items: center;
  width: 36px; }
.said { min-width: 0; flex: 1; }
.who { line-height: 22px; } .who b { font-weight: 900; }
.badge { background: var(--chip); color: var(--quiet); border-radius: 2px; font-size: 10px; font-weight: 700;
  padding: 1px 3px; vertical-align: 2px; }
.when { color: var(--quiet); font-size: 12px; }
.text { white-space: pre-wrap; }
a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }
code { background: var(--chip); border: 1px solid var(--line); border-radius: 3px; color: #e01e5a; font-size: 12px;
  padding: 2px 3px; }
.mention { background: #f2c74466; border-radius: 3px; padding: 0 2px; }
hr { border: 0; border-top: 1px solid var(--line); margin: 8px 0; }
"""


def plain(text: str) -> str:
    """Escape text without markup."""
    return html.escape(text)


def markup(text: str) -> str:
    """Convert Slack's mrkdwn to HTML. Only https addresses become links."""
    drawn, end = [], 0
    for token in _TOKEN.finditer(text):
        drawn += [_emphasise(text[end : token.start()]), _draw_token(token)]
        end = token.end()
    return "".join([*drawn, _emphasise(text[end:])])


def link(label: str, url: str, css_class: str = "") -> str:
    """Return an anchor, or the bare label if the address is not https."""
    if not url.startswith("https://"):
        return html.escape(label)
    return f'<a href="{html.escape(url)}" class="{css_class}">{html.escape(label)}</a>'


def draw_chat(sender: str, avatar: str, body: str, style: str = "") -> str:
    """Return a page with one message of the app `sender`. `avatar` and `body` are HTML, `style` is their CSS."""
    return (
        f"<!DOCTYPE html><html lang=en><meta charset=utf-8><title>{html.escape(sender)}</title>"
        f"<style>{_STYLE}{style}</style>"
        f"<div class=message><div class=avatar>{avatar}</div><div class=said>"
        f"<div class=who><b>{html.escape(sender)}</b> <span class=badge>APP</span>"
        f" <span class=when>9:41 AM</span></div>"
        f"{body}</div></div>"
    )


def _draw_token(token: re.Match[str]) -> str:
    if (code := token["code"]) is not None:
        return f"<code>{_escape(code)}</code>"
    target, label = html.unescape(token["target"]), token["label"]
    if target[0] in "!@#":
        return f"<span class=mention>{_escape(label or target)}</span>"
    return link(html.unescape(label or target), target)


def _emphasise(text: str) -> str:
    drawn = _escape(text)
    for mark, element in _EMPHASIS:
        drawn = mark.sub(element, drawn)
    return drawn


def _escape(text: str) -> str:
    """Escape text in which Slack's three entities are already escaped."""
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(entity, sign)
    return html.escape(text)
