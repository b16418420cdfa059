"""The IAM documents of the program and of the documentation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.judges.registered import PROJECT, Registered

PERMISSIONS = PROJECT / "docs" / "permissions.md"

# The words that the pages write for a user's own names; all others in capitals become names too.
EXAMPLES = {"REGION": "us-east-1", "ACCOUNT": "123456789012", "PARTITION": "aws"}
PLACEHOLDER = re.compile(r"(?<=[:/\"])[A-Z][A-Z-]+[A-Z](?![A-Za-z]|\":)")


@dataclass(frozen=True)
class IamDocument:
    """A document, and where it stands: a resource and its property, or a page."""

    place: str
    content: Mapping[str, Any]


def documents_of(resources: Iterable[Registered]) -> Iterator[IamDocument]:
    """Yield whatever has statements in the inputs of resources, as JSON or as an object, whatever its property."""
    for one in resources:
        for property_, value in one.inputs.items():
            for content in _documents_in(value):
                yield IamDocument(f"{one.type_token} {one.name}: {property_}", content)


def _documents_in(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, str) and '"Statement"' in value:
        value = json.loads(value)
    if isinstance(value, Mapping):
        if "Statement" in value:
            yield value
        else:
            yield from (found for each in value.values() for found in _documents_in(each))
    elif isinstance(value, list):
        yield from (found for each in value for found in _documents_in(each))


def documents_on(page: Path, names: Mapping[str, str] = EXAMPLES) -> Iterator[IamDocument]:
    """Yield the documents of a page, each a block of JSON.

    names: what to write for the placeholders; a placeholder that is missing becomes a name of its own
    """
    yield from _documents_in_text(page.read_text(encoding="utf-8"), page.name, names)


def _documents_in_text(text: str, place: str, names: Mapping[str, str]) -> Iterator[IamDocument]:
    for number, block in enumerate(re.findall(r"```json\n(.*?)```", text, re.DOTALL), 1):
        if '"Effect"' not in block:
            continue
        content = json.loads(fill(block, names))
        if "Statement" not in content:
            content = {"Version": "2012-10-17", "Statement": content}
        yield IamDocument(f"{place}, block {number}", content)


def policy(heading: str, names: Mapping[str, str] = EXAMPLES) -> IamDocument:
    """Return the policy under a heading of docs/permissions.md; `names` as for `documents_on`."""
    sections = re.split(r"^## ", PERMISSIONS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (section,) = [one for one in sections if one.startswith(f"{heading}\n")]
    return next(_documents_in_text(section, heading, names))


def fill(text: str, names: Mapping[str, str] = EXAMPLES) -> str:
    return PLACEHOLDER.sub(lambda found: names.get(found[0], found[0].lower()), text)
