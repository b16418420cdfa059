"""How the real CLI reads a stack's files: what `batchbell.stack_files` is compared with in the layer unit."""

from __future__ import annotations

from pathlib import Path

from tests.batchbell.stack_file_cases import CASES, SCALAR_KEYS, recorded
from tests.batchbell.stack_file_cases.asking import Cli


def test_the_cli_answers_as_recorded(pulumi: Path, tmp_path: Path) -> None:
    """One version always gives the same answers: only another one is asked about every case."""
    cli, record = Cli(pulumi, tmp_path), recorded()
    asked = ["every scalar", "flag: yes"] if cli.version() == record.version else list(CASES)
    cli.make_stack()

    assert {name: cli.answer(CASES[name]) for name in asked} == {name: record.answer(CASES[name]) for name in asked}
    assert SCALAR_KEYS.keys() <= record.answer(CASES["every scalar"]).keys()
