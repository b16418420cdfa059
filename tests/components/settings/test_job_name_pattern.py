"""Patterns that some job name matches, and patterns that no job name can match."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from components.settings.job_name_pattern import check_pattern


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("nightly-*", "nightly-3"),
        ("*", "a"),
        ("**", "a"),
        ("*-_", "a-_"),
        ("?", "7"),
        ("[a-c]*", "b"),
        ("[!a]*", "b"),
        ("[_a]x", "ax"),
        ("[]a]x", "ax"),
        ("[!]a]x", "bx"),
        ("a[ -]b", "a-b"),
        ("a" * 128, "a" * 128),
        ("*" + "a" * 128, "a" * 128),
        ("*" + "-" * 127, "a" + "-" * 127),
    ],
)
def test_a_pattern_that_a_name_matches_is_accepted(pattern, name):
    assert fnmatchcase(name, pattern)
    assert check_pattern(pattern) == pattern


@pytest.mark.parametrize(
    "pattern",
    ["", " ", "nightly jobs", "nightly.*", "größe", "a/b", "[", "a[", "[]", "[!]", "[ ]", "[b-a]", "a[[]", "x\n",
     "-*", "_nightly", "[-_]*", "[!A-Za-z0-9]*", "a" * 129, "*" + "?" * 129, "*" + "-" * 128],
)  # fmt: skip
def test_a_pattern_that_no_name_matches_is_refused(pattern):
    with pytest.raises(ValueError, match="takes a pattern that a job's name can match"):
        check_pattern(pattern)
