"""What people get, kept as text: a change of any message on any channel shows here, to be read before it is sent."""

from __future__ import annotations

import difflib

import pytest

from tests.golden.renderings import COMMAND, FOLDER, renderings, written

NOW, KEPT = renderings(), written()


@pytest.mark.parametrize("file", sorted(NOW.keys() | KEPT.keys()))
def test_each_kind_of_message_reads_on_each_channel_as_it_was_reviewed(file):
    kept, now = KEPT.get(file, ""), NOW.get(file, "")
    if kept != now:
        diff = difflib.unified_diff(kept.splitlines(), now.splitlines(), f"{FOLDER.name}/{file}", "now", lineterm="")
        pytest.fail(
            "\n".join([*diff, f"If it should read so: {COMMAND}, and read what git diff shows."]), pytrace=False
        )


def test_there_is_each_kind_of_message():
    kinds = {name.partition("/")[0] for name in NOW}

    assert kinds >= {"array-succeeded", "array-some-failed", "array-all-failed", "single-failed", "single-succeeded"}
    assert kinds >= {"queue-blocked", "digest", "dead-channel", "test"}
