"""Draws the payload as Slack does. Runs only on an operator's machine, for the command `preview`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from batchbell.contract import Message, Notifier
from batchbell.preview import Form, Part, Preview
from batchbell.slack_markup import draw_chat, link, markup, plain

from .blocks import render

Block = Mapping[str, Any]

AVATAR = (
    '<svg viewBox="0 0 36 36"><rect width="36" height="36" fill="#ffd79a"/><g fill="#7a4a00">'
    '<path d="M18 8a7 7 0 0 0-7 7v6l-2 3h18l-2-3v-6a7 7 0 0 0-7-7z"/><circle cx="18" cy="27" r="2.4"/></g></svg>'
)
STYLE = """
.avatar { align-self: start; }
h3 { font-size: 18px; font-weight: 900; line-height: 1.33; margin: 2px 0 4px; }
.section { margin: 4px 0 8px; }
.fields { display: grid; gap: 4px 16px; grid-template-columns: 1fr 1fr; margin-top: 4px; }
.fields > div, .section > div { min-width: 0; }
.context { color: var(--quiet); display: flex; flex-wrap: wrap; font-size: 13px; gap: 4px 8px; margin: 4px 0 8px; }
.actions { display: flex; flex-wrap: wrap; gap: 8px; margin: 4px 0 8px; }
.button { border: 1px solid var(--edge); border-radius: 8px; color: var(--text); font-size: 13px; font-weight: 700;
  line-height: 26px; padding: 0 10px; }
.primary { background: #007a5a; color: #fff; } .danger { background: #e01e5a; color: #fff; }
pre { border: 1px solid var(--line); border-radius: 4px; font-size: 12px; padding: 8px; white-space: pre-wrap; }
"""


def preview(notifier: Notifier, message: Message) -> Preview:
    payload = getattr(notifier, "render", render)(message)  # with the mentions of its settings
    drawn = "".join(_draw_block(block) for block in payload["blocks"])
    return Preview(
        (
            Part("Message in the channel", draw_chat("batchbell", AVATAR, drawn, STYLE), Form.HTML),
            Part("Notification on a phone", _draw_notification(payload["text"]), Form.HTML),
        )
    )


def _draw_notification(text: str) -> str:
    style = ".note { border: 1px solid var(--line); border-radius: 14px; font-size: 13px; padding: 8px 12px; }"
    style += " .message { align-items: start; } .who { display: none; }"
    return draw_chat("batchbell", AVATAR, f"<div class='note text'>{markup(text)}</div>", style)


def _draw_block(block: Block) -> str:
    match block["type"]:
        case "header":
            return f"<h3>{_draw_text(block['text'])}</h3>"
        case "section":
            return _draw_section(block)
        case "context":
            elements = "".join(f"<span class=text>{_draw_text(one)}</span>" for one in block["elements"])
            return f"<div class=context>{elements}</div>"
        case "rich_text":
            return "".join(map(_draw_rich_text, block["elements"]))
        case "actions":
            return f"<div class=actions>{''.join(_draw_button(one) for one in block['elements'])}</div>"
        case _:
            return f"<pre>{plain(json.dumps(block, indent=1, ensure_ascii=False))}</pre>"


def _draw_rich_text(element: Block) -> str:
    text = plain("".join(part["text"] for part in element["elements"]))
    return f"<pre>{text}</pre>" if element["type"] == "rich_text_preformatted" else f"<div><b>{text}</b></div>"


def _draw_section(section: Block) -> str:
    drawn = f"<div class=text>{_draw_text(section['text'])}</div>" if "text" in section else ""
    if fields := section.get("fields"):
        drawn += f"<div class=fields>{''.join(f'<div class=text>{_draw_text(one)}</div>' for one in fields)}</div>"
    return f"<div class=section>{drawn}</div>"


def _draw_button(button: Block) -> str:
    label = button["text"]["text"]
    return link(label, button.get("url", ""), f"button {plain(button.get('style', ''))}") or plain(label)


def _draw_text(text: Block) -> str:
    return markup(text["text"]) if text["type"] == "mrkdwn" else plain(text["text"])
