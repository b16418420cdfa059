"""Measures the size of the function's package, and what its compiled files cost (size) and save (start time)."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path
from statistics import median

from bench import function_package
from bench.batch_events import parent_event, sqs_records
from bench.canned_responses import SENDS
from bench.function_harness import CHANNELS, start_harness
from bench.function_process import ColdStart, start_cold
from bench.measurement import Check, Measurement, RunOptions
from components.package.bundle import Runtime, has_compiled_files

TITLE = "Bundle"
ROUNDS = 7
BOUND = 3.0  # MB, zipped


def measure(options: RunOptions) -> Measurement:
    if not has_compiled_files(Runtime.host()):
        raise RuntimeError("this Python cannot compile for Lambda's Python version: there is nothing to compare")
    with start_harness(options) as harness:
        bundle = harness.bundle(*CHANNELS)
        sources = _without_compiled(bundle, options.folder / "sources")
        sizes = [_zipped(folder) for folder in (bundle, sources)]
        entries = [function_package.manifest_entry(type_) for type_ in CHANNELS]
        roots = [
            function_package.unpack(folder, options.folder / name, harness.endpoint.ca_bundle, entries)
            for name, folder in (("compiled", bundle), ("plain", sources))
        ]
        event = sqs_records(parent_event("bench"))
        starts: list[list[ColdStart]] = [[], []]
        for _ in range(options.repetitions(ROUNDS)):
            for root, each in zip(roots, starts, strict=True):
                each.append(start_cold(harness.environment, root, function_package.HANDLER, event, SENDS))
    delivered = [median(one.delivered for one in each) for each in starts]
    return Measurement(
        checks=[Check("zipped bundle, all three notifiers, with .pyc", sizes[0], BOUND, "MB")],
        shown={
            "size of the .pyc files": f"{sizes[0] - sizes[1]:.2f} MB of {sizes[0]:.2f} MB",
            "time that they save": f"{(delivered[1] - delivered[0]) * 1000:.0f} ms of a cold start: "
            f"{delivered[0] * 1000:.0f} ms with them, {delivered[1] * 1000:.0f} ms without",
            "files": f"{sum(path.is_file() for path in bundle.rglob('*')):,}",
        },
        figures={
            "megabytes": sizes[0],
            "megabytes_without": sizes[1],
            "delivered": delivered[0],
            "delivered_without": delivered[1],
        },
    )


def _without_compiled(bundle: Path, folder: Path) -> Path:
    shutil.copytree(bundle, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def _zipped(folder: Path) -> float:
    """Return the size of the folder, zipped with deflate, in MB (10^6 bytes)."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return len(stream.getvalue()) / 1e6
