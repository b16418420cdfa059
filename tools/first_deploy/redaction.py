"""Blanks what a report must not show: accounts, people, secrets, hosts and networks."""

from __future__ import annotations

import getpass
import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PUBLIC_HOSTS = ("amazonaws.com", "amazonaws.com.cn", "aws.amazon.com", "pulumi.com", "github.com")
SECRET_VARIABLE = re.compile(r"KEY|TOKEN|SECRET|PASS", re.IGNORECASE)
SHORTEST_SECRET = 6  # characters; a shorter value is a word that stands anywhere
BLANKED_KEYS = ("environment", "secrets")  # of a container, as events and job definitions have them

_URL = re.compile(r"[a-z]+://[^\s\"'<>\\]+")
# The names of our own roles say nothing, and AWS's neither.
_PRINCIPAL = re.compile(
    r"(:(?:iam|sts)::[^:\s]*:(?:user|assumed-role|federated-user|role)/)"
    r"(?!first-deploy|batchbell-|service-role/|aws-service-role/)[^\s\"',\\]+"
)
_PATTERNS = (
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b"), "<access-key>"),
    (re.compile(r"[^\s\"'<>@:/,;]+@[A-Za-z0-9][A-Za-z0-9.-]*"), "<email>"),
    (re.compile(r"(?<![0-9A-Za-z])[0-9]{12}(?![0-9A-Za-z])"), "<account>"),
    (re.compile(r"\b[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.(?:internal|local|localdomain|lan|corp|home)\b"), "<host>"),
    (re.compile(r"(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9.])"), "<address>"),
    (re.compile(r"\b(vpc|subnet|sg|eni|i|rtb|igw|acl|lt|eipalloc)-[0-9a-f]{8,17}\b"), r"\1-<id>"),
)


class Redaction:
    """Blanks the account, the names of this machine and its user, and the values of secret variables, wherever."""

    def __init__(self, account_id: str, environment: Mapping[str, str]) -> None:
        secrets = [value for name, value in environment.items() if SECRET_VARIABLE.search(name)]
        literals = {
            account_id: "<account>",
            str(Path.home()): "<home>",
            platform.node(): "<host>",
            _user(): "<user>",
            **dict.fromkeys(secrets, "<secret>"),
        }
        self._literals = {text: blank for text, blank in literals.items() if len(text) >= SHORTEST_SECRET}

    def redact(self, value: Any) -> Any:
        """Return a value of JSON types without what must not be shown."""
        if isinstance(value, Mapping):
            return {self.text(str(key)): _blank(key, self.redact(item)) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.redact(item) for item in value]
        return self.text(value) if isinstance(value, str) else value

    def text(self, text: str) -> str:
        for literal in sorted(self._literals, key=len, reverse=True):
            text = text.replace(literal, self._literals[literal])
        text = _PRINCIPAL.sub(r"\1<principal>", _URL.sub(_public, text))
        for pattern, blank in _PATTERNS:
            text = pattern.sub(blank, text)
        return text


def _public(url: re.Match[str]) -> str:
    """A URL of a public host without its query, which may be a signature; nothing of another."""
    try:
        parts = urlsplit(url[0])
        host = parts.hostname or ""
    except ValueError:
        return "<url>"
    if not host.endswith(PUBLIC_HOSTS) or parts.username:
        return "<url>"
    return f"{parts.scheme}://{host}{parts.path}"


def _blank(key: object, value: Any) -> Any:
    return "<values>" if key in BLANKED_KEYS and value else value


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return os.environ.get("USER", "")
