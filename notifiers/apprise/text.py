"""Writes a message as title and body in the format that a service takes, within its limits.

The services are many, and each reads some markup of its own, also in what Apprise calls text. So what begins a mention
or hides a link's address (`@name`, `<!here>`, `[label](`) is broken by a space of no width in every format.
"""

from __future__ import annotations

import dataclasses
import html
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from apprise import NotifyBase, NotifyFormat

from batchbell.contract import Message
from batchbell.texts import as_text, shorten, tidy

NO_WIDTH = "\u200b"
SMALLEST = 60  # characters that a body may have at least, whatever the plugin says
# Characters of a body, where a service takes fewer than its plugin says. ntfy, "Limitations": what is longer becomes an
# attachment, which is deleted after some hours.
LIMITS = {"ntfy": 4096}
COUNTER = 12  # characters that Apprise keeps free beside a title that shares the body's room
ELLIPSIS = "…"
_LINK = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?[/?#][!#$%&'*+,./0-9:;=?A-Z_a-z~-]*")
_MARKUP = re.compile(r"@(?=\w)|<(?=[!@#/:\w])|\](?=\()")
_CHANGED = re.compile(f"{_MARKUP.pattern}|```")
_MARKDOWN = re.compile(r"[\\`*_\[\]<>~|&]|^[#+-]|^[0-9]+(?=[.)])", re.MULTILINE)


@dataclass(frozen=True)
class Text:
    """What the plugin is given."""

    title: str
    body: str
    format: NotifyFormat


def write(message: Message, plugin: NotifyBase) -> Text:
    """Return the message as the plugin's service takes it."""
    message = tidy(message)
    form = _choose_format(plugin)
    # A command that would not stay as it is, is left out.
    commands = tuple(one for one in message.commands if not _CHANGED.search(f"{one.label}{one.line}"))
    first, *lines = as_text(dataclasses.replace(message, commands=commands)).splitlines()
    title = ""
    if plugin.title_maxlen > 0:
        title = shorten(_break_markup(first), plugin.title_maxlen)
    else:
        lines = [first, *lines]
    write_line, write_command, end = _FORMATS[form]
    shown = {f"  {one.line}": one.line for one in commands}

    def write_any(line: str) -> str:
        return write_command(shown[line]) if line in shown else write_line(line)

    return Text(title, _fit(lines, write_any, end, _room(plugin, title), plugin, form), form)


def _choose_format(plugin: NotifyBase) -> NotifyFormat:
    """The plugin's own, or Markdown for those that also show it in what they get as text, such as Discord."""
    chosen = plugin.resolve_format(None)
    if chosen is NotifyFormat.TEXT and plugin.resolve_format(NotifyFormat.HTML) is NotifyFormat.TEXT:
        return plugin.resolve_format(NotifyFormat.MARKDOWN)
    return chosen


def _room(plugin: NotifyBase, title: str) -> int:
    """Return how many characters the body may have."""
    room = min(plugin.body_maxlen, LIMITS.get(str(plugin.service_name), plugin.body_maxlen))
    if plugin.overflow_amalgamate_title and title:
        room -= len(title) + COUNTER + max(2, plugin.overflow_buffer)
    return max(SMALLEST, room)


def _fit(
    lines: Sequence[str],
    write_line: Callable[[str], str],
    end: str,
    room: int,
    plugin: NotifyBase,
    form: NotifyFormat,
) -> str:
    """Join as many lines as fit. Of the first one, a part is better than nothing."""
    most = plugin.body_max_line_count or len(lines)
    room -= _size(end + ELLIPSIS)
    written: list[str] = []
    for number, line in enumerate(lines):
        whole = write_line(line)
        # Apprise cuts what its own conversion makes too long, in the middle of a command if it is there.
        size = max(_size(end + whole), _size(end + plugin.dialect_convert(whole, form)))
        room -= size
        if number >= most:
            break
        if room < 0:
            return end.join([*written, ELLIPSIS] if written else [_shortened(line, write_line, room + size)])
        written.append(whole)
    return end.join(written)


def _shortened(line: str, write_line: Callable[[str], str], room: int) -> str:
    limit = len(line)
    while limit > 1 and _size(write_line(shorten(line, limit))) > room:
        limit = limit * 9 // 10
    return write_line(shorten(line, limit))


def _size(text: str) -> int:
    """Return the characters of the text in JSON, as most services get it: some of them count these (ntfy)."""
    return len(json.dumps(text)) - 2


def _break_markup(text: str) -> str:
    return _MARKUP.sub(lambda found: found[0] + NO_WIDTH, text)


def _plain(line: str) -> str:
    return _each_part(line, _break_markup, str)


def _markdown(line: str) -> str:
    return _each_part(line, lambda text: _MARKDOWN.sub(r"\\\g<0>", _break_markup(text)), "<{}>".format)


def _html(line: str) -> str:
    return _each_part(line, lambda text: html.escape(_break_markup(text)), _anchor)


def _anchor(url: str) -> str:
    return f'<a href="{html.escape(url)}">{html.escape(url)}</a>'


def _each_part(line: str, write_words: Callable[[str], str], write_link: Callable[[str], str]) -> str:
    """Write a line's links and what is between them."""
    parts, end = [], 0
    for link in _LINK.finditer(line):
        parts += [write_words(line[end : link.start()]), write_link(link[0])]
        end = link.end()
    return "".join([*parts, write_words(line[end:])])


# How a line and a command are written, and what ends a line.
_FORMATS: dict[NotifyFormat, tuple[Callable[[str], str], Callable[[str], str], str]] = {
    NotifyFormat.TEXT: (_plain, "  {}".format, "\n"),
    NotifyFormat.MARKDOWN: (_markdown, "```\n{}\n```".format, "  \n"),
    NotifyFormat.HTML: (_html, lambda line: f"<pre>{html.escape(line)}</pre>", "<br>\n"),
}
