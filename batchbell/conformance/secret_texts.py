"""Secrets that the tests can recognize in any text: whole, encoded, or in part."""

from __future__ import annotations

import base64
import re
import secrets
from functools import lru_cache

# In turns upper and lower case, without vowels and the letters of hexadecimal numbers: no word, number or id holds even
# a few such letters in a row, so that a short part of a token is recognized, too.
_LETTERS = "GHJKLMNPQRSTVWXZ"
_LENGTH = 36  # letters of a token
_END = 4  # letters: as few as people show of a secret's beginning or end
_PART = 6  # letters of any other part: fewer could be in a long Base64 text by chance
_UPPER, _LOWER = f"[{_LETTERS}]", f"[{_LETTERS.lower()}]"
_TOKEN = re.compile(rf"(?:{_UPPER}{_LOWER}){{{_LENGTH // 2}}}")
# Where a part of a token can be in a text: looking for a hundred forms in these alone takes a tenth of the time.
_RUNS = (
    re.compile(rf"{_UPPER}{_LOWER}(?:{_UPPER}{_LOWER})+{_UPPER}?"),
    re.compile(rf"{_LOWER}{_UPPER}(?:{_LOWER}{_UPPER})+{_LOWER}?"),
)
_ANYWHERE, _IN_LETTERS, _IN_HEXADECIMAL = "anywhere", "letters", "hexadecimal"
_HEXADECIMAL = re.compile(rf"[0-9A-Fa-f]{{{2 * _END},}}")


def make_token() -> str:
    """Make a secret text of letters."""
    pairs = (secrets.choice(_LETTERS) + secrets.choice(_LETTERS).lower() for _ in range(_LENGTH // 2))
    return "".join(pairs)


def find_secret(secret: str, text: str) -> str | None:
    """Return where the secret is in the text, with what stands around but without the secret; None if it is not there.

    A part of a secret is found only if `make_token` made it.
    """
    places = {_ANYWHERE: text, _IN_LETTERS: _letters_in(text), _IN_HEXADECIMAL: _hexadecimal_in(text)}
    found = {form: name for form, name, place in _forms(secret) if form in places[place]}
    if not found:
        return None
    hidden = bytearray(len(text))
    for form in found:
        start = text.find(form)
        while start >= 0:
            hidden[start : start + len(form)] = b"\1" * len(form)
            start = text.find(form, start + 1)
    whole = next((name for name in found.values() if not name.startswith("a part")), None)
    return _around(text, hidden, whole or next(iter(found.values())))


@lru_cache(maxsize=1)  # several secrets are looked for in one text after the other
def _letters_in(text: str) -> str:
    """Return the parts of the text that a part of a token can be in, a line each."""
    return "\n".join([part for runs in _RUNS for part in runs.findall(text)])


@lru_cache(maxsize=1)
def _hexadecimal_in(text: str) -> str:
    """Return the parts of the text that a part of a token can be in as a number, a line each."""
    return "\n".join(_HEXADECIMAL.findall(text))


@lru_cache  # each is looked for in hundreds of texts
def _forms(secret: str) -> tuple[tuple[str, str, str], ...]:
    """Return each text that shows the secret, what to call it, and where it can be."""
    data = secret.encode()
    forms = [(secret, "the secret", _ANYWHERE)]
    # In Base64 at each offset in a longer text, as in `Authorization: Basic …`.
    for before in range(3):
        inner = base64.b64encode(b"\0" * before + data).decode()
        forms.append((inner[(0, 4, 4)[before] : len(inner) // 4 * 4 - 4], "the secret", _ANYWHERE))
    forms += [(number, "the secret in hexadecimal", _ANYWHERE) for number in (data.hex(), data.hex().upper())]
    if not _TOKEN.fullmatch(secret):
        return tuple(forms)
    for part in (
        secret[:_END],
        secret[-_END:],
        *(secret[start : start + _PART] for start in range(len(secret) - _PART + 1)),
    ):
        number = part.encode().hex()
        forms.append((part, "a part of the secret", _IN_LETTERS))
        forms += [(form, "a part of the secret in hexadecimal", _IN_HEXADECIMAL) for form in (number, number.upper())]
    return tuple(forms)


def _around(text: str, hidden: bytearray, name: str) -> str:
    """Return the line around the first hidden letters, with `name` in place of all that is hidden."""
    first = hidden.index(1)
    start = max(text.rfind("\n", 0, first) + 1, first - 100)
    end = text.find("\n", first)
    pieces: list[str] = []
    for place in range(start, len(text) if end < 0 else end):
        if not hidden[place]:
            pieces.append(text[place])
        elif place == start or not hidden[place - 1]:
            pieces.append(f"({name})")
        if len(pieces) >= 250:
            break
    return "".join(pieces)
