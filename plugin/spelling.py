"""Names of settings in camelCase, as programs in other languages write them, and in snake_case, as Python does."""

from __future__ import annotations

import re
from collections.abc import Iterable

from components.settings.mistakes import FLATTENED

_SHOWN = re.compile(r"""(got (?:'[^']*'|"[^"]*"))""")  # a value that the user wrote


def camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def snake_case(name: str) -> str:
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def in_camel_case(text: str, names: Iterable[str]) -> str:
    """Return a text about settings in which those of `names` (in snake_case) are in camelCase.

    Names of stack config become paths: environment_subnet_ids is environment.subnetIds.
    """
    known = {name: camel_case(name) for name in names}
    known |= {f"{group}_{name}": f"{group}.{camel}" for name, camel in known.items() for group in FLATTENED}
    word = re.compile(rf"\b({'|'.join(sorted(filter(_has_parts, known), key=len, reverse=True))})\b")
    parts = _SHOWN.split(text)
    parts[::2] = [word.sub(lambda found: known[found[0]], part) for part in parts[::2]]
    return "".join(parts)


def _has_parts(name: str) -> bool:
    return "_" in name
