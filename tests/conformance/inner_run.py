"""Runs conformance tests in a session of pytest of their own, within this process."""

from __future__ import annotations

import pytest

UNUSED = (  # plugins of pytest itself: loading them for each session takes longer than the tests
    *("cacheprovider", "debugging", "doctest", "faulthandler", "junitxml", "legacypath", "logging", "pastebin"),
    *("setuponly", "setupplan", "stepwise", "unittest"),
)
OPTIONS = ("-q", "--tb=line", *(f"-pno:{name}" for name in UNUSED))


def run(pytester: pytest.Pytester, test: str, *options: str) -> pytest.RunResult:
    """Run the tests of a module. Of a failure, only its message is printed.

    test: its source.
    options: of pytest.
    """
    pytester.makepyfile(test_conformance=test)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # finding them takes longer than the tests
        return pytester.runpytest_inprocess(*OPTIONS, *options)
