"""What a judge found, and how much it looked at: a judge that judged nothing must not pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Verdict:
    """Findings, each with its place, and the number of things judged by kind."""

    findings: list[str] = field(default_factory=list)
    judged: Counter[str] = field(default_factory=Counter)

    def check(self, kind: str, holds: bool, finding: str) -> None:
        """Count one thing of this kind, and keep the finding unless it holds."""
        self.judged[kind] += 1
        if not holds:
            self.findings.append(finding)

    def __str__(self) -> str:
        return ", ".join(f"{number} {kind}" for kind, number in self.judged.most_common())


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the sum of the verdicts, without repeated findings."""
    total = Verdict()
    for one in verdicts:
        total.judged.update(one.judged)
        total.findings += [finding for finding in one.findings if finding not in total.findings]
    return total
