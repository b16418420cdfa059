"""Write `recorded.json` anew. Then read `git diff`."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tests.batchbell.stack_file_cases import CASES, RECORD
from tests.batchbell.stack_file_cases.asking import Cli
from tests.engine.cli.build import find_pulumi

with tempfile.TemporaryDirectory(prefix="stack-files-") as folder:
    cli = Cli(find_pulumi(), Path(folder))
    cli.make_stack()
    record = {"version": cli.version(), "answers": {case.digest: cli.answer(case) for case in CASES.values()}}
RECORD.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
