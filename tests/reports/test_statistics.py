import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from reports import statistics as s

scores = st.floats(0, 100, allow_nan=False)


def test_each_reduction_of_one_history() -> None:
    values = [0.1, 0.9] + [0.5] * 19 + [0.7]
    assert s.reduce(values, "best") == 0.9
    assert s.reduce(values, "last") == 0.7
    assert s.reduce(values, "last20") == pytest.approx((19 * 0.5 + 0.7) / 20)


def test_rounds_without_an_evaluation_do_not_count() -> None:
    nan = math.nan
    assert s.reduce([nan, 0.4, nan, 0.2, nan], "last") == 0.2
    assert s.reduce([nan, 0.4, nan, 0.2], "last20") == pytest.approx(0.3)
    assert math.isnan(s.reduce([nan, nan], "best"))


def test_smoothing_by_hand_with_the_end_mirrored() -> None:
    # Past the last entry 8 come 4, 2, …: the last itself is not repeated.
    assert s.smooth([1, 2, 4, 8], 3) == pytest.approx([7 / 3, 14 / 3, 16 / 3, 14 / 3])
    assert s.smooth([1, 2, 4, 8], 1) == pytest.approx([1, 2, 4, 8])
    assert s.smooth([3, 5], 20) == pytest.approx([4, 4])


def test_smoothing_as_in_the_code_of_pfedme() -> None:
    x = np.random.default_rng(0).random(50)
    padded = np.r_[x[19:0:-1], x, x[-2:-21:-1]]
    theirs = np.convolve(np.ones(20) / 20, padded, mode="valid")[19:]
    assert s.smooth(x, 20) == pytest.approx(theirs)


@given(st.lists(scores, min_size=1, max_size=60), st.integers(1, 25))
def test_smoothing_keeps_length_and_range(values: list[float], window: int) -> None:
    smooth = s.smooth(values, window)
    assert len(smooth) == len(values)
    assert min(values) - 1e-9 <= smooth.min()
    assert smooth.max() <= max(values) + 1e-9


def test_summary_by_hand() -> None:
    found = s.summarise([90.0, 91.0, 92.0])
    half = 4.302652729911275 / math.sqrt(3)
    assert found == pytest.approx((3, 91.0, 1.0, 91 - half, 91 + half))
    alone = s.summarise([90.0])
    assert (alone.n, alone.mean) == (1, 90.0)
    assert alone[2:] == (None, None, None)


@given(st.lists(scores, min_size=2, max_size=12))
def test_interval_is_that_of_scipy(values: list[float]) -> None:
    found = s.summarise(values)
    assert found.std is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.mean <= found.high
    if found.std > 1e-6:
        error = found.std / math.sqrt(found.n)
        assert found[3:] == pytest.approx(stats.t.interval(0.95, found.n - 1, found.mean, error))


def test_paired_is_the_t_test_of_scipy() -> None:
    a, b = [90.1, 90.4, 90.9, 90.2], [90.0, 90.5, 90.3, 90.1]
    found = s.paired(a, b)
    assert found.p == pytest.approx(stats.ttest_rel(a, b).pvalue)
    assert found.mean == pytest.approx(0.175)


@pytest.mark.parametrize(("gap", "p"), [(0.0, 1.0), (0.5, 0.0)])
def test_paired_without_spread(gap: float, p: float) -> None:
    assert s.paired([1 + gap, 2 + gap], [1, 2]).p == p


def test_holm_by_hand() -> None:
    assert s.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert s.holm([0.9, 0.8]) == [1.0, 1.0]
    assert s.holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_raises_p_and_keeps_order(p: list[float]) -> None:
    adjusted = s.holm(p)
    assert all(a >= b - 1e-12 and a <= 1 for a, b in zip(adjusted, p, strict=True))
    assert sorted(adjusted) == [adjusted[i] for i in np.argsort(p, kind="stable")]


def test_the_round_of_a_number_is_chosen_by_validation_the_first_of_equals() -> None:
    nan = float("nan")
    assert s.at_best_validation([0.1, 0.9, 0.2], [0.3, 0.5, 0.5]) == 0.9
    assert s.at_best_validation([0.1, 0.9, 0.2], [nan, 0.1, 0.5]) == 0.2
    assert s.at_best_validation([nan, 0.9], [0.6, 0.5]) != s.at_best_validation([0.1], [0.6])
    assert np.isnan(s.at_best_validation([0.1], [nan]))
