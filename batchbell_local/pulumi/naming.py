"""Physical names by the pattern in a project's `pulumi:autonaming`, as the engine makes them (pkg/resource/autonaming).

Of its expressions, `${stack}`, `${project}`, `${name}` and `${hex(N)}` are known here.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

KEY = "pulumi:autonaming"
_HEX = re.compile(r"\$\{hex\(([1-9][0-9]?)\)\}")


@dataclass(frozen=True)
class Naming:
    """`pattern`: with `${name}` and `${hex(N)}` left; "" for names as the provider makes them."""

    pattern: str = ""

    @classmethod
    def from_config(cls, project: str, stack: str, config: Mapping[str, str]) -> Naming:
        """Read it from a stack's configuration. Raises pulumi.RunError for what is not known here."""
        if KEY not in config:
            return cls()
        settings = json.loads(config[KEY])
        pattern = settings.get("pattern", "")
        naming = cls(pattern.replace("${stack}", stack).replace("${project}", project))
        if set(settings) != {"pattern"} or "${" in naming.name("x"):
            raise pulumi.RunError(
                f"{KEY}: local AWS knows a pattern with stack, project, name and hex(N), nothing else"
            )
        return naming

    def name(self, logical: str, digits: str = "") -> str:
        """Return a physical name for a logical one; "" without a pattern.

        digits: the hexadecimal ones that it uses; by default random ones.
        """
        named = self.pattern.replace("${name}", logical)
        return _HEX.sub(lambda match: (digits or secrets.token_hex(50))[: int(match[1])], named)
