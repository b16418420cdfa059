"""Removes secrets from texts that are shown."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from typing import Any

MASK = "[secret]"
SHORTEST = 4  # characters; removing shorter texts would mangle everything else


class Redaction:
    """Learns secret texts and replaces them in other texts. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._secrets: set[str] = set()

    def learn(self, texts: Iterable[str]) -> None:
        """Remember secrets, also in the form that they have inside JSON."""
        found = {form for text in texts if len(text) >= SHORTEST for form in (text, json.dumps(text)[1:-1])}
        with self._lock:
            self._secrets |= found

    def scrub(self, text: str) -> str:
        with self._lock:
            longest_first = sorted(self._secrets, key=len, reverse=True)
        for secret in longest_first:
            text = text.replace(secret, MASK)
        return text

    def scrub_values(self, value: Any) -> Any:
        """Scrub every text inside lists and objects."""
        if isinstance(value, str):
            return self.scrub(value)
        if isinstance(value, list):
            return [self.scrub_values(item) for item in value]
        if isinstance(value, dict):
            return {key: self.scrub_values(item) for key, item in value.items()}
        return value

    def finds_in(self, value: Any) -> bool:
        return bool(self.scrub_values(value) != value)
