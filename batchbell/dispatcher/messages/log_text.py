"""Makes the lines of a job's log fit to be shown: no control sequences, no overlong lines, no secrets of known shapes.

The log is whatever the job printed. Blanking secrets helps where somebody prints one by mistake; it is no guarantee,
since a secret may look like anything.
"""

from __future__ import annotations

import re

from batchbell.texts import indented_line

BLANK = "[secret]"

# ECMA-48: control sequences, control strings (OSC, DCS, SOS, PM, APC) up to their end or the line's, two-byte escapes.
_ESCAPES = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]?"
    "|(?:\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c|$)"
    "|\x1b[ -/]*[0-~]?"
)
RAW_LIMIT = 2_000  # characters of a line that are looked at: an event may have a million

# Each with the source of its shape. The first group, if a pattern has one, stays.
_SECRETS = (
    # AWS IAM User Guide, "Understanding unique ID prefixes": access keys.
    re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
    # GitHub Docs, "GitHub's token formats".
    re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{22,})"),
    re.compile(r"\bglpat-[A-Za-z0-9_.-]{16,}"),  # GitLab Docs, "Token prefixes"
    # Slack API documentation, "Token types" and "Incoming webhooks".
    re.compile(r"\bx(?:ox[a-z]|app)-[A-Za-z0-9-]{8,}"),
    re.compile(r"https://hooks\.slack\.com/[A-Za-z0-9/_-]+"),
    # OpenAI, Anthropic, Stripe: key prefixes in their API references.
    re.compile(r"\b[sprw]k[-_](?:ant-|proj-|live_|test_|svcacct-)?[A-Za-z0-9_-]{16,}"),
    re.compile(r"\bAIza[A-Za-z0-9_-]{30,}"),  # Google Cloud, API keys
    re.compile(r"\bya29\.[A-Za-z0-9_-]{16,}"),  # Google OAuth access tokens
    re.compile(r"\b(?:npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{16,}|hf_[A-Za-z0-9]{20,}|dckr_pat_[A-Za-z0-9_-]{16,})"),
    re.compile(r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),  # SendGrid API keys
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"),  # RFC 7519: a JSON Web Token
    # RFC 3986: userinfo of a URL. The user's name stays.
    re.compile(r"(://[^\s/:@]{0,100}:)[^\s/@]{1,500}(?=@)"),
    # RFC 7617, RFC 6750.
    re.compile(r"(\b(?:Basic|Bearer)\s+)[A-Za-z0-9+/=._~-]{8,}", re.IGNORECASE),
    # An assignment, as in shells, YAML, JSON, headers and queries: the name stays.
    re.compile(
        r"((?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key"
        r"|credentials?|authorization|signature|session[_-]?key|connection[_-]?string)[A-Za-z0-9_.-]{0,40}[\"']?"
        r"\s{0,5}(?:=>|:=|[=:])\s{0,5})(?:\"[^\"]*\"?|'[^']*'?|(?!(?:Basic|Bearer)\b)[^\s,;&\"']+)",
        re.IGNORECASE,
    ),
    re.compile(r"(\s--?(?:[a-z0-9-]{0,40}(?:password|passwd|secret|token|api-?key))\s{1,5})(?!-)\S+", re.IGNORECASE),
)
_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")  # RFC 7468, OpenPGP
_KEY_ENDS = re.compile(r"-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")
_KEY_BODY = re.compile(r"[A-Za-z0-9+/=]{40,}")
# AWS IAM User Guide: a secret access key has 40 characters of Base64. Alone they could be a hash; so only where upper
# and lower case, digits, and / or + are all in it.
_SECRET_KEY = re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=])")


def presentable(lines: list[str]) -> list[str]:
    """Return the lines without what could work in a terminal or give a secret away. Empty lines are left out."""
    shown, in_key = [], False
    for raw in lines:
        for line in raw.split("\n"):
            text = _visible(line)
            text, in_key = _without_keys(text, in_key)
            text = indented_line(_without_secrets(text))
            if text.strip():
                shown.append(text)
    return shown


def _visible(line: str) -> str:
    """Return what a terminal would show: the last of what a carriage return overwrote, no escapes, no backspaces."""
    line = _ESCAPES.sub("", line.rstrip("\r").rpartition("\r")[2][:RAW_LIMIT])
    if "\x08" not in line:
        return line
    shown: list[str] = []
    for letter in line:
        if letter != "\x08":
            shown.append(letter)
        elif shown:
            shown.pop()
    return "".join(shown)


def _without_keys(line: str, in_key: bool) -> tuple[str, bool]:
    """Blank a private key, which has many lines. Return the line, and whether the key goes on after it."""
    if not in_key and not _KEY_BEGINS.search(line):
        return line, False
    if in_key and not (_KEY_ENDS.search(line) or _KEY_BODY.search(line) or re.fullmatch(r"\s*[A-Za-z0-9+/=-]*", line)):
        return line, False  # the key's end was lost
    before = "" if in_key else line[: _KEY_BEGINS.search(line).start()]  # type: ignore[union-attr]
    end = _KEY_ENDS.search(line)
    return before + (BLANK if before or not in_key else "") + (line[end.end() :] if end else ""), end is None


def _without_secrets(line: str) -> str:
    for pattern in _SECRETS:
        line = pattern.sub(lambda found: (found[1] if found.re.groups else "") + BLANK, line)
    return _SECRET_KEY.sub(lambda found: BLANK if _is_mixed(found[0]) else found[0], line)


def _is_mixed(text: str) -> bool:
    kinds = (str.isupper, str.islower, str.isdigit)
    return all(any(kind(letter) for letter in text) for kind in kinds)
