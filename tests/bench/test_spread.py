"""How repeated measurements of one figure are put together."""

from __future__ import annotations

import pytest

from bench.spread import Spread, compare


def test_a_figure_is_the_median_and_one_slow_run_does_not_move_it():
    assert Spread.of([1.0, 1.1, 1.2, 1.3, 9.0]) == Spread(1.2, 1.1, 1.3)
    assert Spread.of([2.0]) == Spread(2.0, 2.0, 2.0)


def test_load_that_slows_both_of_a_pair_leaves_their_ratio():
    assert compare([1.1, 2.2, 4.4], [1.0, 2.0, 4.0]).median == pytest.approx(1.1)


def test_a_run_without_its_pair_is_refused():
    with pytest.raises(ValueError, match="zip"):
        compare([1.0, 2.0], [1.0])
