"""Blanks values whose name says that they are secret: in shells, YAML, JSON, Python, headers, queries and XML."""

from __future__ import annotations

import re

_SECRET = re.compile(
    r"(?:passw(?:or)?d|passphrase|pwd|secret|token|credential|signature|connection[_-]?string"
    r"|(?:api|access|account|auth|encryption|master|private|session|shared|signing)[_-]?key"
    r"|(?:^|[_.-])(?:pass|pw|pat|auth)$|(?:^|[_.-])(?:api|openai|anthropic|stripe|secret)[_-]?key)"
    # Not "tokenizer", "secretsmanager", "passwordless": the word ends here.
    r"s?(?-i:(?![a-z]))",
    re.IGNORECASE,
)
_PASSWORD = re.compile(r"(?:passw(?:or)?d|passphrase|secret)(?!s)", re.IGNORECASE)  # which may be of digits only
# Names that say something about a secret, or of a token that is a word of a language.
_ABOUT = re.compile(
    r"(?:error|exception|[a-z]ids?|[_-](?:id|ids|in|at)|ref|count|limit|len|length|size|names?|file|path|dir|arn|types?"
    r"|ttl|expiry|expiration|version|ur[il]|endpoint|policy|age|manager|usage|used|rate|index|per_second|method)$"
    r"|(?:^|[_-])(?:pad|eos|bos|unk|sep|cls|mask|special|stop|start|end|unexpected)[_-]?tokens?$",
    re.IGNORECASE,
)
_UPPER_CASE = re.compile(r"[A-Z][A-Z0-9]*_(?:[A-Z0-9]+_)*(?:KEY|CREDS?|DSN)")  # of an environment: OPENAI_KEY
_PUBLIC = re.compile(r"(?:PUBLIC|PRIMARY|PARTITION|SORT|FOREIGN|CACHE|ROUTING|OBJECT|S3|HASH|RANGE|INDEX|GROUP)_KEY$")

_NAME = r"(?<![A-Za-z0-9_.-])(?<![0-9]{12}:)[A-Za-z0-9_.-]++"  # in an ARN, "secret" is a kind of resource
_ASSIGNED = re.compile(
    # {"name": "NAME", "value": value}, key="NAME" value="…": as AWS and Kubernetes write an environment
    rf"\b(?i:name|key)\\{{0,7}}[\"']?\s{{0,3}}[=:]\s{{0,3}}\\{{0,7}}[\"'](?P<listed>{_NAME})\\{{0,7}}[\"']"
    r"[\s,]{1,5}\\{0,7}[\"']?(?i:value)\\{0,7}[\"']?\s{0,3}[=:]\s{0,3}"
    # NAME=value, NAME: value, "NAME": value, \"NAME\": value, NAME => value
    rf"|(?P<name>{_NAME})\\{{0,7}}[\"']?\s{{0,5}}(?:=>|:=|[=:]|%3D|%3A)\s{{0,5}}"
    # ("NAME", "value"): an item of a dictionary or of headers; <NAME>value</NAME>
    rf"|\([\"'](?P<item>{_NAME})[\"'],\s?(?=[\"'])|<(?P<element>{_NAME})>(?=[^<])"
)
_LISTED = re.compile(rf"^[\s-]*[\"']?(?i:name|key)[\"']?\s*[=:]\s*[\"']?(?P<name>{_NAME})[\"']?,?\s*$")
_BLOCK = re.compile(rf"^(?P<indent>[ -]*)[\"']?(?P<name>{_NAME})[\"']?:\s*[|>][+-]?\s*$")  # in YAML
_LISTED_VALUE = re.compile(r"^([\s-]*[\"']?(?i:value)[\"']?\s*[=:]\s*).+")
_VALUE = re.compile(
    r"(?P<escape>\\{1,7})(?P<mark>[\"']).*?(?:(?P=escape)(?P=mark)|$)"
    r"|[A-Za-z$]{0,2}\"(?:\\.|[^\"\\])*+\"?"
    r"|[A-Za-z$]{0,2}'(?:\\.|''|[^'\\])*+'?"
    r"|\[[^\]]*+\]?|\{[^}]*+\}?|\([^)]*+\)?"
    r"|(?:[^\s,;&<\"']|[\"'](?=[^\s,;&)}\]>\"']))++"
)
# What is not a secret, whatever the name: nothing, a reference to a variable, what somebody has blanked before.
_EMPTY = re.compile(
    r"[\"']?(?:str|bytes|none|null|nil|undefined|true|false|yes|no|missing|\*+|x{3,}|\.{3}|<.*|\[[A-Za-z]+\]|\[secret\].*"
    r"|\$\{[A-Za-z_][A-Za-z0-9_]*\}|\$[A-Z_]{3,}|\{\{.*|(?:os\.|self\.|args\.|settings\.|config[.\[]|process\.env).*)?[\"')\]},.;]*",
    re.IGNORECASE,
)
_CALL = re.compile(r"[A-Za-z_.]+\(.*")  # in the lines of a traceback
_NUMBERS = re.compile(r"[\"'\[{(]*[0-9]{1,7}(?:[.,]\s?[0-9]+)*[%\"'\]})]*")
_SHELL = re.compile(r"\s*(?:export |declare -x |set )?[A-Z_][A-Z0-9_]*=")  # a line of an environment
_YAML = re.compile(r"\s*(?:- )?[A-Za-z0-9_.-]+:\s+(?=[^\s\"'\[{|>&*])")
_WORDS = re.compile(r"(?=[^0-9]{0,15}$)[^=]*")
_FOLDER = re.compile(r"[/~]|[A-Z]:")


def without_assignments(lines: list[str], blank: str) -> list[str]:
    """Return the lines with `blank` for each value."""
    shown: list[str] = []
    name_before = ""
    block: int | None = None  # the indentation of a name whose value is in the lines below
    for line in lines:
        if block is not None and _indent(line) > block:
            shown.append(" " * _indent(line) + blank)
            continue
        found = _BLOCK.match(line)
        block = len(found["indent"]) if found and _is_secret(found["name"]) else None
        text = _without_assignments(line, blank)
        if name_before and _is_secret(name_before):
            text = _LISTED_VALUE.sub(rf"\g<1>{blank}", text)
        name_before = found["name"] if (found := _LISTED.match(line)) else ""
        shown.append(text)
    return shown


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _without_assignments(line: str, blank: str) -> str:
    shown, end = [], 0
    for found in _ASSIGNED.finditer(line):
        name = next(filter(None, found.groups()))
        if found.start() < end or not _is_secret(name):
            continue
        value = _VALUE.match(line, found.end())
        if value is None or _is_harmless(name, value[0], line[max(0, found.start() - 1) : found.end()]):
            continue
        shown += [line[end : found.end()], blank]
        end = len(line) if value[0][0] not in "\"'[{" and _is_whole_line(line, found.end()) else value.end()
    return "".join([*shown, line[end:]])


def _is_whole_line(line: str, value: int) -> bool:
    """Whether a value that begins there goes on to the line's end: in an environment, and in YAML."""
    name = _SHELL.match(line) or _YAML.match(line)
    return name is not None and name.end() == value


def _is_secret(name: str) -> bool:
    if _UPPER_CASE.fullmatch(name):
        return not _PUBLIC.search(name)
    return _SECRET.search(name) is not None and not _ABOUT.search(name)


def _is_harmless(name: str, value: str, before: str) -> bool:
    """Whether the value is none, a number or a word, and its name does not say that it is a password.

    before: the name, with the character before it.
    """
    lower = name.lower()
    if _EMPTY.fullmatch(value) or _CALL.fullmatch(value) or value.rstrip("),").lower() == lower:
        return True
    if _PASSWORD.search(name):
        return False
    if lower in ("pwd", "oldpwd"):
        return _FOLDER.match(value) is not None
    if lower.endswith("signature"):
        return before[0] not in "?&" and re.search(r"[A-Za-z0-9+/=_~%-]{16}", value) is None
    if _NUMBERS.fullmatch(value):
        return True
    # "Unable to locate credentials: see below", "unexpected token: EOF" are prose.
    said = lower in ("token", "tokens", "credential", "credentials", "pass", "auth")
    return said and before[0] not in "?&" and before.rstrip()[-1:] == ":" and _WORDS.fullmatch(value) is not None
