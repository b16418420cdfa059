"""Reads a payload as Slack does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any


def texts(value: Any, kind: str) -> Iterator[str]:
    """Yield the texts of all text objects of a kind, from top to bottom."""
    if isinstance(value, dict):
        if value.get("type") == kind and isinstance(value.get("text"), str):
            yield value["text"]
        for inner in value.values():
            yield from texts(inner, kind)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner, kind)


def find_markup(payload: dict[str, Any]) -> str | None:
    """Find a mention, or a link to another site than AWS and example.com, that came from a text of a job."""
    for text in [payload["text"], *texts(payload, "mrkdwn")]:
        for markup in re.findall(r"<([^>]*)>", text):
            if not re.fullmatch(r"https://(example\.com|us-east-1\.console\.aws\.amazon\.com)/[^|<>]*\|[^<>]*", markup):
                return f"<{markup}>"
    return None
