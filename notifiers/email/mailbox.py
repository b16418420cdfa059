"""Reads an address with or without a name, and writes it as mail needs it.

The standard library's parsers are not used: they read brackets, parentheses and commas in a name as syntax, differently
by Python's version (python/cpython#76239, #121284). Here a name ends where `<address>` begins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.header import Header

from batchbell.texts import one_line

NAME_LIMIT = 100  # characters
ADDRESS_LIMIT = 254  # characters: RFC 3696, erratum 1690
WORD_LIMIT = 75  # characters of an encoded word: RFC 2047

# RFC 5321, "Dot-string": no dot at either end, and no two together.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}")
_ADDRESS = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@{_DOMAIN.pattern}")
_NAMED = re.compile(r"(?P<name>[^<>]*[^<>\s]) *<(?P<address>[^<>]*)>")
_QUOTED = re.compile(r'"(?P<name>(?:[^"\\]|\\["\\])*)"')
_PLAIN_NAME = re.compile(rf"{_ATOM}(?: {_ATOM})*")  # RFC 5322, "phrase", of atoms: needs no quotes

# What other programs read as syntax: an encoded word (RFC 2047) and a policy variable (IAM User Guide).
_ENCODED_WORD = "=?"
_POLICY_VARIABLE = "${"

_TAKES = "takes an e-mail address, or Name <address>"
# SES takes no other (SES API v2 reference, "Destination").
IN_ASCII = "in ASCII: a domain with other letters begins with xn--"


@dataclass(frozen=True)
class Mailbox:
    """An address, and a name or ""."""

    name: str
    address: str

    @classmethod
    def parse(cls, text: str) -> Mailbox:
        """Parse `address`, `Name <address>` or `"Name" <address>`.

        Raises ValueError, which says what is taken, if any mail program could read something else.
        """
        named = _NAMED.fullmatch(text)
        address = named["address"] if named else text
        if not is_address(address):
            raise ValueError(_TAKES if address.isascii() else f"{_TAKES} with the address {IN_ASCII}")
        return cls(_read_name(named["name"]) if named else "", address)

    @property
    def parts(self) -> tuple[str, ...]:
        """The texts in ASCII, of at most 254 characters, that make the mailbox if they are joined by white space."""
        return (*_encode_name(self.name), f"<{self.address}>") if self.name else (self.address,)

    def __str__(self) -> str:
        return " ".join(self.parts)


def is_address(text: str) -> bool:
    """Whether the text is an address without a name, which nothing reads as anything else."""
    is_syntax = _ENCODED_WORD in text or _POLICY_VARIABLE in text
    return len(text) <= ADDRESS_LIMIT and not is_syntax and _ADDRESS.fullmatch(text) is not None


def is_domain(text: str) -> bool:
    return _DOMAIN.fullmatch(text) is not None


def _read_name(text: str) -> str:
    """Return the name without its quotes. Raises ValueError, which says what is taken."""
    name = text
    if quoted := _QUOTED.fullmatch(text):
        name = re.sub(r'\\(["\\])', r"\1", quoted["name"])
    elif '"' in text or "\\" in text:
        raise ValueError(f'{_TAKES}, or "Name" <address> with the quotes around the whole name')
    if _ENCODED_WORD in name:
        raise ValueError(f"{_TAKES} with the name as people read it: it is encoded when a mail is sent")
    if "@" in name:
        raise ValueError(f"{_TAKES} with a name without @")
    if not name or one_line(name, NAME_LIMIT) != name:
        raise ValueError(f"{_TAKES} with a name of 1 to {NAME_LIMIT} characters, without double spaces")
    return name


def _encode_name(name: str) -> list[str]:
    if not name.isascii():
        return Header(name, "utf-8", maxlinelen=WORD_LIMIT).encode().split()
    if _PLAIN_NAME.fullmatch(name):
        return [name]
    escaped = re.sub(r'(["\\])', r"\\\1", name)
    return [f'"{escaped}"']
