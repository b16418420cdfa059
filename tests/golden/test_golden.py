"""Every kind of message on every channel, kept as text: any change shows up here for review."""

from __future__ import annotations

import difflib

import pytest

from tests.golden.renderings import COMMAND, FOLDER, renderings, written

NOW, KEPT = renderings(), written()


@pytest.mark.parametrize("file", sorted(NOW.keys() | KEPT.keys()))
def test_a_rendering_is_as_it_was_reviewed(file):
    kept, now = KEPT.get(file, ""), NOW.get(file, "")
    if kept != now:
        diff = difflib.unified_diff(kept.splitlines(), now.splitlines(), f"{FOLDER.name}/{file}", "now", lineterm="")
        pytest.fail("\n".join([*diff, f"If this is right: {COMMAND}, then read git diff."]), pytrace=False)


def test_every_kind_of_message_is_rendered():
    kinds = {name.partition("/")[0] for name in NOW}

    assert kinds >= {"array-succeeded", "array-some-failed", "array-all-failed", "single-failed", "single-succeeded"}
    assert kinds >= {"queue-blocked", "digest", "dead-channel", "test"}
