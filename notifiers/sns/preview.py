"""Draws what each kind of subscriber gets. Runs only on an operator's machine, for the command `preview`."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from typing import Any

from batchbell.contract import Fact, Message, Notifier
from batchbell.preview import Form, Part, Preview
from batchbell.slack_markup import draw_chat, link, markup

from .publication import render

_ADDRESS = re.compile(r"(https://\S+)")

SMS_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; font: 15px/1.35 -apple-system, "Segoe UI", Roboto, "Liberation Sans", Helvetica, Arial, sans-serif; }
p { background: #e9e9eb; border-radius: 18px; color: #000; margin: 0; max-width: 300px; padding: 9px 14px;
  overflow-wrap: anywhere; width: fit-content; }
@media (prefers-color-scheme: dark) { p { background: #3a3a3c; color: #fff; } }
"""
AVATAR = "<b>Q</b>"
CARD_STYLE = """
.avatar b { background: linear-gradient(135deg, #b7a6ff, #7cc4ff); color: #1b1446; font-size: 20px; line-height: 36px;
  text-align: center; width: 36px; }
h3 { font-size: 15px; margin: 2px 0; }
h4 { font-size: 13px; margin: 8px 0 0; }
ul { margin: 4px 0; padding-left: 20px; }
"""


def preview(notifier: Notifier, message: Message) -> Preview:
    published = render(message)
    by_protocol = published["Message"]
    attributes = published["MessageAttributes"].items()
    facts = tuple(Fact(name, value["StringValue"]) for name, value in attributes)
    parts = [Part("Mail of a subscriber", by_protocol["default"], facts=(Fact("Subject", published["Subject"]),))]
    if card := _custom_notification(by_protocol.get("https", "")):
        parts.insert(0, Part("Amazon Q in a chat", _draw_card(card), Form.HTML))
    parts.append(Part("SMS", _draw_sms(by_protocol["sms"]), Form.HTML, facts))
    return Preview(tuple(parts))


def _custom_notification(text: str) -> Mapping[str, Any] | None:
    """Parse a custom notification for Amazon Q; None if the text is not one."""
    try:
        notification = json.loads(text)
    except ValueError:
        return None
    return notification if isinstance(notification, dict) and notification.get("source") == "custom" else None


def _draw_card(notification: Mapping[str, Any]) -> str:
    content = notification["content"]
    drawn = f"<h3>{_draw_line(content.get('title', ''))}</h3><div class=text>{_draw_line(content['description'])}</div>"
    if steps := content.get("nextSteps"):
        drawn += f"<h4>Next steps</h4><ul>{''.join(f'<li>{_draw_line(step)}</li>' for step in steps)}</ul>"
    return draw_chat("Amazon Q", AVATAR, drawn, CARD_STYLE)


def _draw_line(text: str) -> str:
    """Draw bare addresses as links, as a chat does."""
    pieces = _ADDRESS.split(text)
    return "".join(link(piece, piece) if number % 2 else markup(piece) for number, piece in enumerate(pieces))


def _draw_sms(text: str) -> str:
    return f"<!DOCTYPE html><html lang=en><title>SMS</title><style>{SMS_STYLE}</style><p>{html.escape(text)}</p>"
