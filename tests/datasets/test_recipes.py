"""Index lists from labels: properties of all recipes, of each, and the paper's sizes."""

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import Arrays, DataError
from datasets.arrays import Ints
from datasets.partitions import KINDS
from tests.datasets.recipes import PAIRS, data, deal, labels, recipe, seeded

MNIST_COUNTS = [6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958]
CIFAR10_SIZES = [
    *(4536, 2794, 4494, 3418, 2936, 2612, 3062, 1954, 3186, 2648),
    *(3076, 2028, 1934, 1572, 2966, 2934, 3294, 1808, 2170, 1150),
]  # fmt: skip
OVERLAPPING = [[0, 1, 2], [2, 3, 4], [4, 5, 6], [6, 7, 8], [8, 9, 0]]
DEALT: dict[str, tuple[str, int, dict[str, Any]]] = {
    "label_groups": ("label_groups", 5, {"groups": PAIRS}),
    "overlapping groups": ("label_groups", 5, {"groups": OVERLAPPING}),
    "equal shards": ("shards", 5, {"labels_per_client": 3}),
    "lognormal shards": ("shards", 5, {"labels_per_client": 3, "sizes": "lognormal", "sigma": 2.0}),
    "all labels": ("shards", 1, {"labels_per_client": 10}),
    "dirichlet": ("dirichlet", 1, {"alpha": 0.5, "min_size": 2}),
    "capped": ("dirichlet", 1, {"alpha": 0.5, "min_size": 2, "cap": "even_share"}),
    "quantity": ("quantity", 1, {"alpha": 1.0, "min_size": 1}),
    "iid": ("iid", 1, {}),
}
"""Recipes that deal every sample: the kind, the smallest number of clients, and settings."""

seeds = st.integers(0, 2**32)
few = settings(max_examples=15, deadline=None)


def dealt(name: str, y: Ints, times: int, seed: int) -> list[Ints]:
    kind, clients, words = DEALT[name]
    return deal(y, seed, kind, clients * times, **words)


@pytest.mark.parametrize("name", DEALT)
@few
@given(seed=seeds, times=st.integers(1, 5))
def test_every_sample_goes_to_one_client(name: str, seed: int, times: int) -> None:
    y = labels(seed)
    parts = dealt(name, y, times, seed)
    assert len(parts) == times * DEALT[name][1]
    assert all(part.dtype == np.int64 and len(part) for part in parts)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(y)))


@pytest.mark.parametrize("name", DEALT)
def test_another_seed_deals_otherwise_and_the_global_stream_has_no_say(name: str) -> None:
    y = labels(0)
    first, same, other = (dealt(name, y, 2, seed) for seed in (0, 0, 1))
    assert all(map(np.array_equal, first, same))
    assert not all(map(np.array_equal, first, other))


def test_every_kind_has_a_label_with_its_number_of_clients() -> None:
    required: dict[str, Any] = {
        "label_groups": {"groups": PAIRS},
        "shards": {"labels_per_client": 2},
        "dirichlet": {"alpha": 0.1},
        "quantity": {"alpha": 0.5},
    }
    named = {
        kind: recipe(kind, 20, **required.get(kind, {})).label
        for kind in KINDS.keys() - {"from_file"}
    }
    assert all(label.startswith("20 clients, ") for label in named.values())
    assert named["dirichlet"] == "20 clients, Dirichlet(0.1)"
    assert named["label_groups"] == "20 clients, 2 labels each"
    assert named["shards"] == "20 clients, 2 labels each, equal sizes"
    overlapping = recipe("label_groups", 20, groups=OVERLAPPING).label
    assert overlapping == "20 clients, 3 labels each, overlapping"
    assert recipe("iid", 20, test="common").label == "20 clients, IID, one test set"
    turned = recipe("iid", 20, rotations=4).label
    assert turned == "20 clients, IID, images turned by 4 angles"


@few
@given(seed=seeds, times=st.integers(1, 4))
def test_label_groups_give_each_client_its_group_in_equal_shares(seed: int, times: int) -> None:
    y = labels(seed)
    for u, part in enumerate(deal(y, seed, "label_groups", 5 * times, groups=PAIRS)):
        held = np.bincount(y[part], minlength=10)
        assert np.flatnonzero(held).tolist() == PAIRS[u % 5]
        for label in PAIRS[u % 5]:
            assert held[label] - (y == label).sum() // times in (0, 1)


def test_a_label_of_two_groups_is_shared_by_the_clients_of_both() -> None:
    y = np.repeat(np.arange(10), 8)
    parts = deal(y, 0, "label_groups", 10, groups=OVERLAPPING)
    for u, part in enumerate(parts):
        held = np.bincount(y[part], minlength=10)
        shared = {0, 2, 4, 6, 8} & {*OVERLAPPING[u % 5]}
        expected = {n: (2 if n in shared else 4) for n in OVERLAPPING[u % 5]}
        assert {n: held[n] for n in np.flatnonzero(held)} == expected


def papers_mnist_test_size(arrays: Arrays) -> int:
    return sum(map(len, recipe("label_groups", groups=PAIRS).draw(arrays, seeded(0)).test))


def test_the_papers_mnist_has_its_test_size() -> None:
    assert papers_mnist_test_size(data(np.repeat(np.arange(10), MNIST_COUNTS))) == 17_507


def test_the_papers_mnist_has_its_test_size_on_the_real_labels(
    real: Callable[[str], Arrays],
) -> None:
    mnist = real("mnist")
    assert papers_mnist_test_size(mnist) == 17_507
    dealt = recipe("pfedme_mnist", order="as_given").draw(mnist, seeded(0))
    assert dealt.digest.startswith("c354c9a6632fe919")  # that of the committed runs


@few
@given(
    seed=seeds,
    clients=st.integers(1, 12),
    held=st.integers(1, 10),
    sizes=st.sampled_from(["equal", "lognormal"]),
    sigma=st.sampled_from([1e-9, 2.0, 10.0]),
)
def test_shards_give_exactly_k_labels_and_hold_labels_evenly(
    seed: int, clients: int, held: int, sizes: str, sigma: float
) -> None:
    y = labels(seed)
    clients = max(clients, -(-10 // held))
    words = {"labels_per_client": held, "sizes": sizes, "sigma": sigma}
    parts = deal(y, seed, "shards", clients, **words)
    table = np.stack([np.bincount(y[part], minlength=10) for part in parts])
    assert ((table > 0).sum(axis=1) == held).all()
    holders = (table > 0).sum(axis=0)
    assert holders.max() - holders.min() <= 1
    if sizes == "equal" or sigma < 1:
        for column in table.T:
            own = column[column > 0]
            assert own.max() - own.min() <= (1 if sizes == "equal" else 2)


def test_shards_are_disjoint_where_labels_just_suffice() -> None:
    y = np.repeat(np.arange(100), 6)
    parts = deal(y, 0, "shards", 5, labels_per_client=20)
    assert [len(part) for part in parts] == [120] * 5
    assert len({label for part in parts for label in np.unique(y[part]).tolist()}) == 100


def test_a_large_sigma_makes_shards_unequal() -> None:
    y = np.repeat(np.arange(10), 500)
    parts = deal(y, 0, "shards", labels_per_client=3, sizes="lognormal", sigma=2.0)
    assert max(map(len, parts)) > 5 * min(map(len, parts))


@pytest.mark.parametrize(("alpha", "most"), [(1e-6, 1.0), (1e9, 0.25)])
def test_dirichlet_reaches_its_limits(alpha: float, most: float) -> None:
    y = np.repeat(np.arange(10), 400)
    parts = deal(y, 4, "dirichlet", 4, alpha=alpha, min_size=1)
    shares = np.stack([np.bincount(y[part], minlength=10) for part in parts]) / 400
    assert shares.max(axis=0) == pytest.approx([most] * 10, abs=0.001)


def test_dirichlet_draws_again_until_every_client_has_its_minimum_or_names_it() -> None:
    y = labels(0)
    assert min(map(len, deal(y, 0, "dirichlet", 10, alpha=0.3, min_size=15))) >= 15
    with pytest.raises(DataError, match=r"draws with alpha=0.001 .* clients=10 .* min_size=15"):
        deal(y, 0, "dirichlet", 10, alpha=0.001, min_size=15)


def test_quantity_skew_gives_sizes_that_differ_and_labels_that_do_not() -> None:
    y = np.tile(np.arange(10), 2000)
    parts = deal(y, 0, "quantity", 5, alpha=1.0)
    sizes = [len(part) for part in parts]
    assert max(sizes) > 3 * min(sizes)
    for part in parts:
        counts = np.bincount(y[part], minlength=10) / len(part)
        assert np.abs(counts - 0.1).max() < 4 * np.sqrt(0.09 / len(part))
    even = deal(y, 0, "quantity", 5, alpha=1e9)
    assert {len(part) // 100 for part in even} <= {39, 40}
    with pytest.raises(DataError, match=r"alpha=0.001 .* clients=5 .* min_size=10"):
        deal(y, 0, "quantity", 5, alpha=0.001)


def test_a_client_with_its_even_share_gets_none_of_the_labels_that_follow() -> None:
    y = np.repeat(np.arange(10), 30)
    parts = deal(y, 3, "dirichlet", 4, alpha=0.1, min_size=1, cap="even_share")
    for part in parts:
        held = np.bincount(y[part], minlength=10)
        before = np.cumsum(held) - held
        assert (held[before >= len(y) / 4] == 0).all()
    plain = deal(y, 3, "dirichlet", 4, alpha=0.1, min_size=1)
    assert max(map(len, parts)) < max(map(len, plain))


def test_a_common_test_set_is_all_clients_test_samples_once() -> None:
    y = labels(0)
    own = recipe("iid", 4, validation_fraction=0.2).draw(data(y), seeded(0))
    common = recipe("iid", 4, validation_fraction=0.2, test="common").draw(data(y), seeded(0))
    assert all(map(np.array_equal, common.train, own.train))
    assert all(map(np.array_equal, common.validation, own.validation))
    assert np.array_equal(common.test[0], np.concatenate(own.test))
    assert common.shares_test
    assert all(common.test_of(u) is common.test[0] for u in range(4))
    assert common.digest != own.digest


def test_rotation_turns_every_sample_of_a_client_alike() -> None:
    y = labels(0)
    turned = recipe("iid", 5, rotations=4, validation_fraction=0.2)
    whole = turned.draw(data(y), seeded(0))
    turns = turned.quarter_turns(whole, len(y))
    assert turns is not None
    for u in range(5):
        for side in (whole.train, whole.validation, whole.test):
            assert {*turns[side[u]].tolist()} == {u % 4}
    halves = recipe("iid", 5, rotations=2)
    turns = halves.quarter_turns(halves.draw(data(y), seeded(0)), len(y))
    assert turns is not None
    assert {*turns.tolist()} == {0, 2}
    assert recipe("iid", 5).quarter_turns(whole, len(y)) is None


def test_given_keeps_the_generators_clients() -> None:
    client = seeded(0).integers(0, 7, 2000)
    arrays = data(np.zeros(2000, np.int64), client)
    for u, part in enumerate(recipe("given", 7).deal(arrays, seeded(0))):
        assert np.array_equal(part, np.flatnonzero(client == u))


def test_the_papers_cifar10_has_its_sizes() -> None:
    y = np.tile(np.arange(10), 6000)
    parts = deal(y, 0, "pfedme_cifar10")
    assert [len(part) for part in parts] == CIFAR10_SIZES
    assert [np.unique(y[part]).tolist() for part in parts[8:10]] == [[0, 8, 9], [0, 1, 9]]
    assert parts[0][:11].tolist() == [*range(0, 100, 10), 1]
    whole = recipe("pfedme_cifar10").draw(data(y), seeded(0))
    assert sum(map(len, whole.test)) == 13_649


def test_the_papers_mnist_is_dealt_in_runs_and_shuffled_by_one_stream() -> None:
    y = np.tile(np.arange(10), 7)  # label l: l, l + 10, …: runs of 2, 2, 2, 1 images
    parts = deal(y, 0, "pfedme_mnist")
    assert [sorted(part) for part in (parts[0], parts[7], parts[19])] == [
        [0, 1, 10, 11],
        [24, 25, 34, 35],
        [68, 69],
    ]
    rng, first, second = Random(1), [0, 10, 1, 11], [2, 12, 3, 13]
    rng.shuffle(first)
    rng.shuffle(second)
    assert (parts[0].tolist(), parts[1].tolist()) == (first, second)


def test_the_papers_mnist_as_dealt_has_its_test_size_too() -> None:
    arrays = data(np.repeat(np.arange(10), MNIST_COUNTS))
    mnist = recipe("pfedme_mnist", order="as_given")
    whole = mnist.draw(arrays, seeded(0))
    assert sum(map(len, whole.test)) == 17_507
    dealt = mnist.deal(arrays, seeded(0))[0].tolist()
    assert np.concatenate([whole.train[0], whole.test[0]]).tolist() == dealt
