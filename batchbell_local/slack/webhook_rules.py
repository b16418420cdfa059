"""The rules for payloads of Slack's incoming webhooks, as far as a notifier can break them.

Limits: Slack's Block Kit reference (one page for each block), "chat.postMessage" (text) and "Sending messages using
incoming webhooks".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

TEXT_LIMIT = 40_000  # characters
BLOCK_LIMIT = 50  # blocks a message
SECTION_LIMIT = 3_000  # characters
HEADER_LIMIT = 150  # characters
FIELD_COUNT_LIMIT = 10  # fields a section
FIELD_LIMIT = 2_000  # characters
CONTEXT_LIMIT = 10  # elements a context block
ACTIONS_LIMIT = 25  # elements an actions block
BUTTON_LIMIT = 75  # characters of its text
URL_LIMIT = 3_000  # characters of a button's URL
BLOCK_TYPES = frozenset(
    {"actions", "context", "divider", "file", "header", "image", "input", "markdown", "rich_text", "section", "video"}
)


def find_violation(method: str, content_type: str, body: bytes) -> str:
    """Why Slack would refuse this request; empty if it would accept it."""
    return next(_violations(method, content_type, body), "")


def _violations(method: str, content_type: str, body: bytes) -> Iterator[str]:
    if method != "POST":
        yield f"method {method} instead of POST"
    if content_type.partition(";")[0].strip().lower() != "application/json":
        yield f"content type {content_type or '(none)'} instead of application/json"
    try:
        payload = json.loads(body)
    except ValueError:
        yield "the body is not JSON"
        return
    if not isinstance(payload, dict):
        yield "the body is not a JSON object"
        return
    text, blocks = payload.get("text", ""), payload.get("blocks", [])
    if not isinstance(text, str):
        yield "text is not a string"
        return
    if len(text) > TEXT_LIMIT:
        yield f"text has {len(text)} characters, more than {TEXT_LIMIT}"
    if not isinstance(blocks, list):
        yield "blocks is not a list"
        return
    # One of the three is required ("chat.postMessage"); what is in attachments is not checked: no notifier sends them.
    if not text.strip() and not blocks and not payload.get("attachments"):
        yield "neither text nor blocks"
    if len(blocks) > BLOCK_LIMIT:
        yield f"{len(blocks)} blocks, more than {BLOCK_LIMIT}"
    for number, block in enumerate(blocks):
        for violation in _block_violations(block):
            yield f"block {number}: {violation}"


def _block_violations(block: Any) -> Iterator[str]:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind not in BLOCK_TYPES:
        yield f"unknown type {kind!r}"
    elif kind == "section":
        yield from _section_violations(block)
    elif kind == "header":
        yield from _text_violations(block.get("text"), HEADER_LIMIT, "header text", types=("plain_text",))
    elif kind == "context":
        elements = block.get("elements")
        if not isinstance(elements, list) or not 1 <= len(elements) <= CONTEXT_LIMIT:
            yield f"a context block takes 1 to {CONTEXT_LIMIT} elements"
    elif kind == "actions":
        yield from _actions_violations(block.get("elements"))
    elif kind == "rich_text":
        yield from _rich_text_violations(block.get("elements"))


def _rich_text_violations(elements: Any) -> Iterator[str]:
    if not isinstance(elements, list) or not elements:
        yield "a rich_text block needs elements"
        return
    for element in elements:
        parts = element.get("elements") if isinstance(element, dict) else None
        if not isinstance(parts, list) or not parts:
            yield "an element of a rich_text block needs elements"
            return
        texts = [part for part in parts if isinstance(part, dict) and part.get("type") == "text"]
        if not all(isinstance(part.get("text"), str) and part["text"] for part in texts):
            yield "a text of a rich_text block is empty"


def _actions_violations(elements: Any) -> Iterator[str]:
    if not isinstance(elements, list) or not 1 <= len(elements) <= ACTIONS_LIMIT:
        yield f"an actions block takes 1 to {ACTIONS_LIMIT} elements"
        return
    buttons = [element for element in elements if isinstance(element, dict) and element.get("type") == "button"]
    for button in buttons:
        yield from _text_violations(button.get("text"), BUTTON_LIMIT, "button text", types=("plain_text",))
        if len(str(button.get("url", ""))) > URL_LIMIT:
            yield f"a button's url has more than {URL_LIMIT} characters"
    ids = [button["action_id"] for button in buttons if "action_id" in button]
    if len(set(ids)) < len(ids):
        yield "two elements have one action_id"


def _section_violations(section: dict[str, Any]) -> Iterator[str]:
    if "text" not in section and "fields" not in section:
        yield "a section needs text or fields"
    if "text" in section:
        yield from _text_violations(section["text"], SECTION_LIMIT, "section text")
    if "fields" in section:
        fields = section["fields"]
        if not isinstance(fields, list) or not 1 <= len(fields) <= FIELD_COUNT_LIMIT:
            yield f"a section takes 1 to {FIELD_COUNT_LIMIT} fields"
            return
        for field in fields:
            yield from _text_violations(field, FIELD_LIMIT, "field")


def _text_violations(
    text: Any, limit: int, name: str, types: tuple[str, ...] = ("mrkdwn", "plain_text")
) -> Iterator[str]:
    if not isinstance(text, dict) or text.get("type") not in types or not isinstance(text.get("text"), str):
        yield f"{name} is not a text object of type {' or '.join(types)}"
    elif not 1 <= len(text["text"]) <= limit:
        yield f"{name} has {len(text['text'])} characters, not 1 to {limit}"
