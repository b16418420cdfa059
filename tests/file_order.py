"""The order of the test files, so that workers that share the processors keep them busy and end at the same time.

The slowest files begin. Then those that mostly wait are spread between those that mostly compute: side by side they
take little longer than alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

SLOWEST_FILES = (  # 30 s and more each
    "test_chaos.py",
    "test_first_deploy.py",
    "test_channel_faults.py",
    "test_environment_changes.py",
    "test_apprise.py",
    "test_writing_a_notifier.py",
)
LONG_FOLDERS = ("end_to_end", "engine", "cli", "distributions", "demo")  # whose files take 10 to 20 s each, and wait
LONG_SHARE = 0.85  # of the run: then come short files alone, which can be spread over the workers


def in_order(files: Collection[Path]) -> Sequence[Path]:
    """Return the files in the order in which they begin."""
    first = {name: number for number, name in enumerate(SLOWEST_FILES)}
    slowest = sorted((file for file in files if file.name in first), key=lambda file: (first[file.name], file))
    others = [file for file in files if file.name not in first]
    # By their names, which mixes the folders: the files of one are alike.
    long = sorted((file for file in others if file.parent.name in LONG_FOLDERS), key=lambda file: (file.name, file))
    short = sorted(set(others).difference(long))
    places = {file: LONG_SHARE * number / len(long) for number, file in enumerate(long)}
    places |= {file: number / len(short) for number, file in enumerate(short)}
    return [*slowest, *sorted(others, key=lambda file: (places[file], file))]
