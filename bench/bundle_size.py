"""The function's package: how large it is, and what its compiled files cost and save."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path
from statistics import median

from bench import package
from bench.answers import SENDS
from bench.finding import Check, Finding, Order
from bench.function_process import ColdStart, start_cold
from bench.jobs import as_records, finish_array
from bench.rig import CHANNELS, set_up
from components.package.bundle import Runtime, has_compiled_files

TITLE = "Bundle"
ROUNDS = 7
BOUND = 3.0  # MB, zipped


def measure(order: Order) -> Finding:
    if not has_compiled_files(Runtime.host()):
        raise RuntimeError("this Python compiles nothing for Lambda's: there is nothing to compare")
    with set_up(order) as rig:
        bundle = rig.bundle(*CHANNELS)
        sources = _without_compiled(bundle, order.folder / "sources")
        sizes = [_zipped(folder) for folder in (bundle, sources)]
        entries = [package.entry(type_) for type_ in CHANNELS]
        roots = [
            package.unpack(folder, order.folder / name, rig.endpoint.authorities, entries)
            for name, folder in (("compiled", bundle), ("plain", sources))
        ]
        event = as_records(finish_array("bench"))
        starts: list[list[ColdStart]] = [[], []]
        for _ in range(order.times(ROUNDS)):
            for root, each in zip(roots, starts, strict=True):
                each.append(start_cold(rig.place, root, package.HANDLER, event, SENDS))
    told = [median(one.told for one in each) for each in starts]
    return Finding(
        checks=[Check("bundle, zipped, all three notifiers, .pyc included", sizes[0], BOUND, "MB")],
        shown={
            "the .pyc files cost": f"{sizes[0] - sizes[1]:.2f} MB of {sizes[0]:.2f} MB",
            "and save": f"{(told[1] - told[0]) * 1000:.0f} ms of a cold start: {told[0] * 1000:.0f} ms with them, "
            f"{told[1] * 1000:.0f} ms without",
            "files": f"{sum(path.is_file() for path in bundle.rglob('*')):,}",
        },
        figures={"megabytes": sizes[0], "megabytes_without": sizes[1], "told": told[0], "told_without": told[1]},
    )


def _without_compiled(bundle: Path, folder: Path) -> Path:
    shutil.copytree(bundle, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def _zipped(folder: Path) -> float:
    """MB of 10^6 bytes, as deflate makes them."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return len(stream.getvalue()) / 1e6
