"""Blocks about a job that runs: how far it is, and what to run."""

from __future__ import annotations

from typing import Any

from batchbell.contract import Command, Progress

CELLS = 20  # of the bar

Block = dict[str, Any]


def progress_block(progress: Progress) -> Block:
    """Return a bar with the numbers."""
    return {"type": "section", "text": {"type": "plain_text", "text": describe(progress), "emoji": False}}


def describe(progress: Progress) -> str:
    """Return lines such as "██░░ 120 of 240 done, 3 failed, 40 running or starting"."""
    total = max(progress.total, 1)
    finished = min(progress.finished, total)
    filled = finished * CELLS // total
    parts = [f"{progress.finished:,} of {progress.total:,} done", f"{progress.failed:,} failed"]
    if (running := progress.started - progress.finished) > 0:
        parts.append(f"{running:,} running or starting")
    return f"{'█' * filled}{'░' * (CELLS - filled)}\n{', '.join(parts)}"


def command_block(command: Command) -> Block:
    """Return the command line as it is, to copy: Slack interprets nothing in a text element of a rich_text block."""
    label = {"type": "text", "text": command.label, "style": {"bold": True}}
    line = {"type": "text", "text": command.line}
    return {
        "type": "rich_text",
        "elements": [
            {"type": "rich_text_section", "elements": [label]},
            {"type": "rich_text_preformatted", "elements": [line]},
        ],
    }
