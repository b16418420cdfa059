"""Runs the steps one after the other, removes what they made, and writes the report after each."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import batchbell

from .account import Account
from .cleanup import Cleanup
from .pace import Pace
from .program import Program
from .redaction import Redaction
from .step import Deadline, Step, StepFailed, StepResult

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """What all steps share. `tell` prints a line."""

    account: Account
    program: Program
    pace: Pace
    tell: Tell
    cleanup: Cleanup = field(default_factory=Cleanup)


@dataclass(frozen=True)
class Report:
    """The file that is attached to an issue, without what it must not show."""

    file: Path
    redaction: Redaction
    run: Run
    begun: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def write(self, results: Sequence[StepResult], **more: Any) -> None:
        content = {
            "report": "first deploy of batchbell",
            "begun": self.begun,
            "versions": {
                "batchbell": batchbell.__version__,
                "python": platform.python_version(),
                **{name: version(name) for name in ("boto3", "pulumi", "pulumi-aws")},
            },
            "partition": self.run.account.partition,
            "region": self.run.account.region,
            "steps": [one.to_dict() for one in results],
            **more,
        }
        text = json.dumps(self.redaction.redact(json.loads(json.dumps(content, default=str))), indent=2)
        self.file.write_text(text + "\n", "utf-8")


def run_steps(run: Run, steps: Sequence[Step], report: Report) -> list[StepResult]:
    """Run the steps until one ends the run, then remove what is still there. Ctrl-C ends the current step."""
    results: list[StepResult] = []
    for number, step in enumerate(steps, 1):
        run.tell(f"{number}/{len(steps)} {step.name} (at most {step.limit / 60:.0f} min): {step.does}")
        results.append(_run(run, step))
        report.write(results)
        last = results[-1]
        run.tell(f"    {last.outcome} after {last.seconds:.0f} s" + (f": {last.reason}" if last.reason else ""))
        if last.outcome == "interrupted" or (last.outcome == "failed" and step.ends_run):
            break
    return results


def _run(run: Run, step: Step) -> StepResult:
    started = time.monotonic()
    outcome, reason = "ok", ""
    findings: Mapping[str, Any] = {}
    try:
        findings = step.action(run, Deadline(step.limit))
    except StepFailed as failed:
        outcome, reason, findings = "failed", str(failed), failed.findings
    except KeyboardInterrupt:
        outcome, reason = "interrupted", "Ctrl-C"
    except Exception as error:  # AWS's own errors are findings, too, and must not keep the others from being made
        outcome, reason = "failed", f"{type(error).__name__}: {error}"
    return StepResult(step, outcome, reason, time.monotonic() - started, findings)
