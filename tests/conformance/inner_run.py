"""Runs conformance tests in a session of pytest of their own, within this process."""

from __future__ import annotations

import pytest

WITHOUT = ("-p", "no:cacheprovider", "-p", "no:faulthandler")


def run(pytester: pytest.Pytester, test: str, *options: str) -> pytest.RunResult:
    """Run the tests of a module.

    test: its source.
    options: of pytest.
    """
    pytester.makepyfile(test_conformance=test)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # finding them takes longer than the tests
        return pytester.runpytest_inprocess("-q", *WITHOUT, *options)
