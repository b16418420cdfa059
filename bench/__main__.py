"""`python -m bench`: run the measurements, print and save the results.

Exit codes: 0: all bounds are met · 1: a bound is missed, or a measurement failed · 2: bad arguments · 130: Ctrl-C.
"""

from __future__ import annotations

import datetime
import importlib
import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from bench import machine
from bench.measurement import Measurement, RunOptions
from bench.report import charts, show_spread, show_value, to_markdown, write_docs

PROJECT = Path(__file__).resolve().parents[1]
RESULTS = PROJECT / ".batchbell" / "bench"  # holds the last full run
MODULES = {
    name: f"bench.{name.replace('-', '_')}"
    for name in (
        "invocations",
        "cold-start",
        "commands",
        "fan-out",
        "calls",
        "latency",
        "memory",
        "burst",
        "bundle-size",
        "preview",
        "cost",
        "limits",
    )
} | {
    f"growth-{axis.replace('_', '-')}": f"bench.growth.{axis}"
    for axis in ("notifiers", "failed_children", "dead_letters", "running_arrays", "parents")
}
MODULES |= {"slow-channel": "bench.growth.slow_channel", "peers": "bench.peers.comparison"}


def main(
    only: Annotated[
        list[str] | None, typer.Option(help=f"Run only this measurement (repeatable): {', '.join(MODULES)}.")
    ] = None,
    trial: Annotated[bool, typer.Option("--trial", help="Few repetitions: to see that it runs.")] = False,
    docs: Annotated[
        bool, typer.Option("--docs", help="Measure nothing: write the last full run into docs/performance.md.")
    ] = False,
) -> None:
    """Measure batchbell on this machine. A full run saves its results in .batchbell/bench."""
    if docs:
        _write_docs()
        return
    if unknown := set(only or ()) - MODULES.keys():
        raise typer.BadParameter(
            f"--only {', '.join(sorted(unknown))}: no such measurement; choose from {', '.join(MODULES)}"
        )
    console = Console(highlight=False)
    before = machine.describe()
    console.print(f"{before['processor']}, {before['cores']} cores, load {before['load']}, Python {before['python']}")
    started = time.monotonic()
    measured = [_measure(name, trial, bool(only), console) for name in MODULES if not only or name in only]
    seconds = time.monotonic() - started
    results = {
        "date": datetime.date.today().isoformat(),
        "seconds": seconds,
        "trial": trial,
        "machine": before,
        "measurements": measured,
    }
    if not only and not trial:
        _save(results)
        console.print(f"\nResults saved in {RESULTS}: `python -m bench --docs` writes them into docs/performance.md")
    missed = sum(not check["is_met"] for one in measured for check in one["checks"])
    failed = sum(bool(one["failed"]) for one in measured)
    console.print(f"\n{missed} bounds missed, {failed} measurements failed, {seconds / 60:.1f} minutes")
    raise typer.Exit(1 if missed or failed else 0)


def _measure(name: str, trial: bool, alone: bool, console: Console) -> dict[str, Any]:
    module = importlib.import_module(MODULES[name])
    console.print(f"\n[bold]{module.TITLE}[/bold]")
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    started = time.monotonic()
    failed, measurement = "", Measurement()
    try:
        measurement = module.measure(RunOptions(PROJECT, folder, trial, alone))
    except Exception as error:  # the other measurements go on; the run ends with exit code 1
        failed = f"{type(error).__name__}: {error}".splitlines()[0]
        console.print_exception()
    finally:
        _remove(folder)
    result = {
        "name": name,
        "title": module.TITLE,
        "seconds": time.monotonic() - started,
        "failed": failed,
        **measurement.to_dict(),
    }
    _show(result, console)
    return result


def _show(result: dict[str, Any], console: Console) -> None:
    for check in result["checks"]:
        mark = "[green]✓[/green]" if check["is_met"] else "[red]✗[/red]"
        bound = f"{'' if check['exact'] else 'at most '}{show_value(check, 'limit')}"
        spread = f"; half of the values: {show_spread(check)}" if check["spread"] else ""
        console.print(f"{mark} {check['what']}: {show_value(check)} ({bound}{spread})")
    for label, text in result["shown"].items():
        console.print(f"  {label}: {text}", markup=False)
    for table in result["tables"]:
        console.print(f"  {table['title']}", markup=False)
        for line in _in_columns([table["columns"], *table["rows"]]):
            console.print(f"    {line}", markup=False, soft_wrap=True)
    console.print(f"  {result['seconds']:.0f} s")


def _in_columns(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _save(results: dict[str, Any]) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "results.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    (RESULTS / "table.md").write_text(to_markdown(results), encoding="utf-8")
    for name, chart in charts(results).items():
        (RESULTS / name).write_text(chart, encoding="utf-8")


def _write_docs() -> None:
    try:
        results = json.loads((RESULTS / "results.json").read_text("utf-8"))
    except FileNotFoundError:
        raise typer.BadParameter("no full run is saved yet: run `python -m bench` first") from None
    write_docs(results, PROJECT / "docs")


def _remove(folder: Path) -> None:
    """Delete the folder, including the read-only packages in it."""
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    typer.run(main)
