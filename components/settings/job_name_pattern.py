"""Patterns of job names, as in a notifier's `jobs`: checks that a job name can match."""

from __future__ import annotations

import re
import string
from fnmatch import fnmatchcase

# A job's name (AWS Batch API reference, SubmitJob, "jobName"): letters, digits, - and _, the first a letter or digit.
NAME_LIMIT = 128  # characters
_FIRST = string.ascii_letters + string.digits
_CHARACTERS = _FIRST + "-_"

# A pattern's parts, as `fnmatch` reads them (`dispatcher.manifest` uses it): any text, or one character.
_PARTS = re.compile(r"\*|\[!?\]?[^\]]*\]|.", re.DOTALL)


def check_pattern(pattern: str) -> str:
    """Return the same pattern. Raises ValueError if no job name can match: the filter would let nothing through."""
    parts = _PARTS.findall(pattern)
    single = [part for part in parts if part != "*"]
    fits = len(single) <= NAME_LIMIT and all(_takes_one_of(_CHARACTERS, part) for part in single)
    # A leading * may stand for the name's first character, unless the others fill the name.
    is_open = parts[:1] == ["*"] and len(single) < NAME_LIMIT
    begins = is_open or _takes_one_of(_FIRST, "".join(single[:1]))
    if not (fits and begins):
        raise ValueError(
            f"takes a pattern that a job's name can match (1 to {NAME_LIMIT} letters, digits, - and _, the first a "
            "letter or digit)"
        )
    return pattern


def _takes_one_of(characters: str, part: str) -> bool:
    return any(fnmatchcase(character, part) for character in characters)
