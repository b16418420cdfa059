"""A stack's files, as `batchbell.stack_files` reads them and as the real CLI has read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from batchbell import stack_files
from tests.batchbell.stack_file_cases import CASES, EVERY_SCALAR, REFUSED, SCALAR_KEYS, TAKEN, Case, as_values, recorded

RECORD = recorded()


def read(case: Case, folder: Path) -> Any:
    case.write(folder)
    try:
        values = stack_files.load(folder, case.stack, {}, {}).values
    except stack_files.InvalidConfig:
        return REFUSED
    return TAKEN if case.is_typed else as_values(values)


def test_every_scalar_arrives_as_from_the_cli(tmp_path: Path) -> None:
    ours, theirs = (
        {SCALAR_KEYS.get(key, key): value for key, value in values.items()}
        for values in (read(EVERY_SCALAR, tmp_path), RECORD.answer(EVERY_SCALAR))
    )

    assert ours == theirs


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_files_are_found_and_taken_or_refused_as_by_the_cli(case: Case, tmp_path: Path) -> None:
    assert read(case, tmp_path) == RECORD.answer(case)


def test_the_record_has_an_answer_of_each_kind_and_none_too_many() -> None:
    answers = {name: RECORD.answer(case) for name, case in CASES.items()}

    assert RECORD.answers.keys() == {case.digest for case in CASES.values()}
    assert answers["a folder of stacks"] == answers["a project in Pulumi.yml"] == {"tiny:v": "file"}
    assert {REFUSED, TAKEN} <= {answer for answer in answers.values() if isinstance(answer, str)}
