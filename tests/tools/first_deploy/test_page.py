"""docs/first-deploy.md tells what the run does."""

from __future__ import annotations

from pathlib import Path

from tools.first_deploy.steps import STEPS


def test_the_page_has_every_step_with_its_limit_and_costs(project: Path) -> None:
    rows = [f"| `{step.name}` | {step.does} | {step.limit / 60:.0f} min | {step.costs} |" for step in STEPS]
    page = (project / "docs" / "first-deploy.md").read_text("utf-8")
    table = "\n".join(["| step | what it does | at most | costs |", "|---|---|---|---|", *rows])
    assert table in page, f"the page should have\n{table}"
