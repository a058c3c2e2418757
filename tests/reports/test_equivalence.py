"""The verdict on one number, by hand and against scipy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from reports.equivalence import PUBLISHED_RUNS, Gap, gap, margin
from reports.statistics import summarise


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.1, 0.1, "reproduced"),
        (-0.3, 0.3, "reproduced"),
        (-0.31, 0.1, "open"),
        (0.1, 0.5, "open"),
        (-9.0, 9.0, "open"),
        (0.31, 0.5, "differs"),
        (-0.5, -0.31, "differs"),
    ],
)
def test_the_whole_interval_decides(low: float, high: float, verdict: str) -> None:
    assert Gap((low + high) / 2, low, high, 0.3).verdict == verdict


def test_the_margin_is_half_the_way_to_the_nearest_other_method() -> None:
    assert margin(91.87, [92.13, 92.45]) == pytest.approx(0.13)
    assert margin(98.65, [93.06]) == 0.3
    assert margin(98.65, []) == 0.3


def test_the_interval_is_welchs() -> None:
    ours, theirs = [90.1, 90.4, 90.9, 90.2], [90.0, 90.5, 90.3, 90.1, 90.6]
    found = gap(summarise(ours), float(np.mean(theirs)), float(np.std(theirs, ddof=1)), 0.3)
    assert found is not None
    welch = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.90)
    assert len(theirs) == PUBLISHED_RUNS
    assert (found.low, found.high) == pytest.approx((welch.low, welch.high))


def test_without_a_printed_spread_ours_stands_in() -> None:
    ours = summarise([90.0, 90.2, 90.4])
    assert gap(ours, 90.0, None, 0.3) == gap(ours, 90.0, ours.std, 0.3)


def test_fewer_than_three_seeds_get_no_verdict() -> None:
    assert gap(summarise([90.0, 90.0]), 90.0, 0.1, 0.3) is None
    assert gap(summarise([90.0]), 90.0, 0.1, 0.3) is None


def test_no_spread_at_all_is_a_point() -> None:
    found = gap(summarise([90.0, 90.0, 90.0]), 90.2, 0.0, 0.3)
    assert found == pytest.approx((-0.2, -0.2, -0.2, 0.3))


@given(
    st.lists(st.floats(80, 99), min_size=3, max_size=8),
    st.floats(80, 99),
    st.floats(0, 1),
    st.floats(0.01, 1),
)
def test_reproduced_is_two_one_sided_tests(
    values: list[float], published: float, spread: float, within: float
) -> None:
    ours = summarise(values)
    found = gap(ours, published, spread, within)
    assert found is not None
    assert found.low <= found.mean <= found.high
    half = (found.high - found.low) / 2
    if found.verdict == "reproduced":
        assert abs(found.mean) + half <= within + 1e-9
    assert math.isfinite(half)
