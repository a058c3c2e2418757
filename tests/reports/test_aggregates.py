"""Statistics of many methods on many settings, by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import aggregates as a


def test_mean_ranks_share_ties() -> None:
    means = np.array([[90.0, 80.0], [85.0, 80.0], [95.0, 70.0]])
    assert a.mean_ranks(means) == pytest.approx([(2 + 1.5) / 2, (3 + 1.5) / 2, (1 + 3) / 2])


@given(st.integers(1, 6), st.integers(1, 5))
def test_ranks_sum_to_the_same_whatever_the_scores(methods: int, settings: int) -> None:
    means = np.random.default_rng(methods).integers(3, size=(methods, settings)).astype(float)
    assert a.mean_ranks(means).sum() == pytest.approx(methods * (methods + 1) / 2)


def test_interquartile_mean_leaves_out_a_quarter_at_each_end() -> None:
    values = np.array([[-100.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 1000.0]])
    assert a.interquartile_mean(values) == pytest.approx((2 + 3 + 4 + 5) / 4)


def test_probability_of_improvement_counts_pairs_of_runs_in_a_setting() -> None:
    ours = np.array([[1.0, 5.0], [3.0, 5.0]])
    other = np.array([[2.0, 5.0]])
    # First setting: 1 of 2 above; second: two ties.
    assert a.probability_of_improvement(ours, other) == pytest.approx((0.5 + 0.5) / 2)
    assert a.probability_of_improvement(ours + 9, other) == 1.0
    both = a.probability_of_improvement(ours, other) + a.probability_of_improvement(other, ours)
    assert both == pytest.approx(1.0)


def test_stratified_bootstrap_keeps_each_setting() -> None:
    constant = np.array([[1.0, 9.0], [1.0, 9.0], [1.0, 9.0]])
    found = a.stratified(lambda x: float(x.mean()), constant)
    assert found == (5.0, 5.0, 5.0)  # nothing moves between settings
    values = np.random.default_rng(2).normal(size=(50, 3))
    found = a.stratified(lambda x: float(x.mean()), values)
    error = 1.96 * np.sqrt((values.var(axis=0) / 50).sum()) / 3
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(
        (found.value - error, found.value + error), abs=0.03
    )


def test_practically_better_equal_worse_or_undecided() -> None:
    for shift, word in ((2.0, "better"), (0.0, "equal"), (-2.0, "worse")):
        found = a.practical(np.full((3, 4), shift))
        assert found is not None
        assert found.word == word
    torn = a.practical(np.array([[3.0, -3.0]] * 3))
    assert torn is not None
    assert torn.word == "undecided"
    assert sum(torn) == pytest.approx(1.0)
    assert a.practical(np.full((2, 4), 9.0)) is None


def test_practical_covers_settings_too() -> None:
    """Two settings far apart: the mean of two draws is 0, 1 or 2 with chances 1/4, 1/2, 1/4."""
    found = a.practical(np.array([[0.0, 2.0]] * 5))
    assert found is not None
    assert found.better == pytest.approx(0.75, abs=0.05)
    assert found.equal == pytest.approx(0.25, abs=0.05)


def test_profile_is_the_share_of_clients_above() -> None:
    accuracies = np.array([[50.0, 70.0], [90.0, np.nan]])
    assert a.profile(accuracies, [0, 50, 60, 90]) == pytest.approx([1, 2 / 3, 2 / 3, 0])
