"""Each client's samples divided into training and test."""

from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import DataError, Partition
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


def test_a_single_sample_of_a_label_trains() -> None:
    labels = np.array([0, 0, 0, 0, 1])
    for seed in range(20):
        whole = split([np.arange(5)], 0.6, seeded(seed), labels=labels)
        assert 4 in whole.train[0]
        assert len(whole.test[0]) == 2


def test_single_samples_train_even_where_the_rest_cannot_be_stratified() -> None:
    labels = np.array([0, 0, 0, 1, 1, 1, 2, 2, 3, 4])  # three labels for two places in the test
    for seed in range(20):
        made = split([np.arange(10)], 0.8, seeded(seed), labels=labels, validation_fraction=0.25)
        assert {8, 9} <= {*made.train[0]}
    few = np.arange(4)  # more single samples than places
    tested = {split([few], 0.5, seeded(seed), labels=few).test[0].tobytes() for seed in range(20)}
    assert len(tested) > 2


def test_a_client_with_more_labels_than_places_is_shuffled() -> None:
    labels = np.repeat(np.arange(5), 2)
    whole = [split([np.arange(10)], 0.8, seeded(seed), labels=labels) for seed in range(9)]
    tested = {tuple(each.test[0]) for each in whole}
    assert {len(test) for test in tested} == {2}
    assert len(tested) > 1


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    fraction=fractions,
    held_out=st.sampled_from([0.1, 0.2, 0.5]),
    order=st.sampled_from(["as_given", "shuffled", "stratified"]),
)
def test_validation_is_taken_from_training_and_leaves_the_test_samples_alone(
    seed: int, fraction: float, held_out: float, order: str
) -> None:
    y = labels(seed)
    parts = deal(y, seed, "iid", 5)

    def made(held_out: float) -> Partition:
        rng = None if order == "as_given" else seeded(seed)
        strata = y if order == "stratified" else None
        return split(parts, fraction, rng, labels=strata, validation_fraction=held_out)

    without, whole = made(0.0), made(held_out)
    assert without.validation == ()
    for u, before in enumerate(without.train):
        assert np.array_equal(whole.test[u], without.test[u])
        both = np.concatenate((whole.train[u], whole.validation[u]))
        assert sorted(both) == sorted(before)
        assert len(whole.validation[u]) == int(round(held_out * 100) * len(before) // 100)
        if order != "stratified":
            assert np.array_equal(both, before)
        elif len(whole.validation[u]) >= 10:  # a place for every label
            counts = np.bincount(y[before], minlength=10)
            held = np.bincount(y[whole.validation[u]], minlength=10)
            assert np.abs(held - held_out * counts).max() < 2.1
    assert whole.digest != without.digest


def test_validation_has_at_least_one_sample_and_training_too() -> None:
    assert len(split([np.arange(4)], 0.5, seeded(0), validation_fraction=0.1).validation[0]) == 1
    with pytest.raises(DataError, match="client 0 has 1 samples for training: validation_fraction"):
        split([np.arange(2)], 0.5, seeded(0), validation_fraction=0.1)
