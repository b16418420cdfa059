"""What the demo's channels were told while the job ran."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from batchbell.wire import Status
from batchbell_local.slack.channel_history import Board

WARNINGS = (Status.EARLY, Status.OVERDUE, Status.STALLED)


@dataclass(frozen=True)
class Watched:
    """`statuses`: of the warnings, by channel. `board`: Slack's message that is kept up to date."""

    statuses: Mapping[str, Sequence[str]]
    board: Board

    @property
    def warnings(self) -> dict[str, int]:
        """How often each kind arrived, at the channel where it arrived most often."""
        counts = [Counter(arrived) for arrived in self.statuses.values()]
        return {str(kind): most for kind in WARNINGS if (most := max(one[kind] for one in counts))}

    def before(self, channel: str) -> int:
        """Return how many messages of the channel told nothing of the end; the board is none of them."""
        return len(self.statuses[channel])

    def to_dict(self) -> dict[str, Any]:
        return {"warnings": self.warnings, "board": asdict(self.board)}

    def expected(self) -> dict[str, tuple[Any, Any]]:
        """What was counted and what is right, by name."""
        warned = {f"warnings at {channel}": (list(arrived), ["EARLY"]) for channel, arrived in self.statuses.items()}
        return {**warned, "boards": (self.board.posts, 1)}
