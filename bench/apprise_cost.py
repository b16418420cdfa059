"""What the notifier apprise costs: the size of the package, and a cold start until it has sent a message.

`python -m bench.apprise_cost` prints it, beside a stack that mails and one that posts to Slack.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench import function_package
from bench.batch_events import parent_event, sqs_records
from bench.canned_responses import SLACK
from bench.function_harness import FunctionHarness, start_harness
from bench.function_process import ColdStart, start_cold
from bench.measurement import RunOptions, Table
from bench.report import markdown_table

ROUNDS = 9
SENDS = {"email": "ses:SendEmail", "slack": SLACK, "apprise": SLACK}  # a post to the same address


def measure(options: RunOptions) -> Table:
    with start_harness(options) as harness:
        roots = {type_: harness.unpack(type_, type_) for type_ in SENDS}
        starts: dict[str, list[ColdStart]] = {type_: [] for type_ in SENDS}
        for _ in range(options.repetitions(ROUNDS)):
            for type_, root in roots.items():  # in turns, so that other load on the machine affects all of them
                starts[type_].append(_start(harness, root, SENDS[type_]))
        rows = [_row(type_, harness.bundle(type_), starts[type_]) for type_ in SENDS]
    columns = ["a stack with only", "package, zipped", "unzipped", "ready for an event", "message delivered"]
    return Table("What the notifier apprise costs", columns, rows)


def _start(harness: FunctionHarness, root: Path, send: str) -> ColdStart:
    event = sqs_records(parent_event("bench"))
    return start_cold(harness.environment, root, function_package.HANDLER, event, [send])


def _row(type_: str, bundle: Path, starts: Sequence[ColdStart]) -> list[str]:
    files = [path for path in sorted(bundle.rglob("*")) if path.is_file()]
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.relative_to(bundle))
    return [
        type_,
        f"{len(zipped.getvalue()) / 1e6:.1f} MB",
        f"{sum(path.stat().st_size for path in files) / 1e6:.1f} MB",
        f"{median(one.ready for one in starts) * 1000:.0f} ms",
        f"{median(one.delivered for one in starts) * 1000:.0f} ms",
    ]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        table = measure(RunOptions(Path(__file__).resolve().parents[1], Path(scratch)))
    print(markdown_table(table.columns, table.rows))
