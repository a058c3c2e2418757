"""Each client's samples divided into training and test."""

from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import DataError
from datasets.split import split
from tests.datasets.recipes import deal, labels, seeded

fractions = st.sampled_from([0.5, 0.6, 0.75, 0.9])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), clients=st.integers(1, 12), fraction=fractions)
def test_every_sample_goes_to_one_side(seed: int, clients: int, fraction: float) -> None:
    y = labels(seed)
    parts = deal(y, seed, "iid", clients)
    whole = split(parts, fraction, seeded(seed))
    for part, train, test in zip(parts, whole.train, whole.test, strict=True):
        assert np.array_equal(np.sort(np.concatenate((train, test))), np.sort(part))
        assert len(train) == int(round(fraction * 100) * len(part) // 100)
    again = split(parts, fraction, seeded(seed))
    other = split(parts, fraction, seeded(seed + 1))
    assert whole.digest == again.digest != other.digest


@pytest.mark.parametrize(
    ("fraction", "n", "trained"), [(0.9, 10, 9), (0.7, 10, 7), (0.29, 100, 29)]
)
def test_split_takes_fractions_as_the_decimals_they_are(
    fraction: float, n: int, trained: int
) -> None:
    # In binary 0.29 * 100 is 28.999..., and a plain floor would train on 28.
    whole = split([np.arange(n)], fraction, seeded(0), {"kind": "iid"})
    assert len(whole.train[0]) == trained
    assert whole.recipe == {"kind": "iid", "train_fraction": fraction}
    assert not np.array_equal(whole.train[0], np.arange(trained))


@pytest.mark.parametrize(
    ("fraction", "said"),
    [(0.2, "client 0 has 3 samples"), (1.0, "train_fraction=1.0"), (0.0, "train_fraction=0.0")],
)
def test_what_cannot_be_split_is_refused_by_name(fraction: float, said: str) -> None:
    with pytest.raises(DataError, match=said):
        split([np.arange(3)], fraction, seeded(0))


@given(seed=st.integers(0, 2**32 - 1), fraction=fractions)
def test_a_stratified_split_gives_every_label_its_share(seed: int, fraction: float) -> None:
    labels = np.repeat(np.arange(3), [40, 10, 25])
    parts = [np.flatnonzero(labels != 1), np.flatnonzero(labels == 1)]
    made = split(parts, fraction, seeded(seed), labels=labels)
    for part, train, test in zip(parts, made.train, made.test, strict=True):
        assert len(train) == floor(round(fraction * len(part), 6))
        assert sorted([*train, *test]) == sorted(part)
        for label in np.unique(labels[part]):
            share = fraction * np.sum(labels[part] == label)
            assert abs(np.sum(labels[train] == label) - share) < 1.5


def test_a_client_with_one_image_of_a_label_cannot_be_stratified() -> None:
    labels = np.array([0, 0, 0, 0, 1])
    with pytest.raises(DataError, match="client 0: cannot be split by class"):
        split([np.arange(5)], 0.6, seeded(0), labels=labels)
