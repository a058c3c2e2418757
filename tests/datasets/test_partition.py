"""Labels to index lists: what every recipe promises, what each adds, and the paper's sizes."""

from collections.abc import Callable
from math import floor
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import Arrays, DataError, Partition, partition
from datasets.arrays import Ints

PAIRS = [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
MNIST_COUNTS = [6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958]
CIFAR10_SIZES = [
    *(4536, 2794, 4494, 3418, 2936, 2612, 3062, 1954, 3186, 2648),
    *(3076, 2028, 1934, 1572, 2966, 2934, 3294, 1808, 2170, 1150),
]  # fmt: skip

Recipe = Callable[[Ints, int, np.random.Generator], list[Ints]]
RECIPES: dict[str, Recipe] = {
    "label_groups": lambda y, n, rng: partition.label_groups(y, 5 * n, rng, PAIRS),
    "equal shards": lambda y, n, rng: partition.shards(y, 5 * n, rng, 3),
    "lognormal shards": lambda y, n, rng: partition.shards(y, 5 * n, rng, 3, "lognormal"),
    "all labels": lambda y, n, rng: partition.shards(y, n, rng, 10),
    "dirichlet": lambda y, n, rng: partition.dirichlet(y, n, rng, 0.5, min_size=2),
    "iid": partition.iid,
    "given": lambda y, n, rng: partition.given(rng.permutation(np.arange(len(y)) % n)),
}


def seeded(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def labels(seed: int) -> Ints:
    """A few dozen samples of each of ten labels, in random order."""
    rng = seeded(seed)
    return rng.permutation(np.repeat(np.arange(10), rng.integers(25, 60, 10)))


seeds = st.integers(0, 2**32)
few = settings(max_examples=15, deadline=None)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
@few
@given(seed=seeds, clients=st.integers(1, 5), fraction=st.sampled_from([0.5, 0.75, 0.9]))
def test_every_sample_goes_to_one_side_of_one_client(
    recipe: Recipe, seed: int, clients: int, fraction: float
) -> None:
    y = labels(seed)
    parts = recipe(y, clients, seeded(seed))
    assert all(part.dtype == np.int64 and len(part) for part in parts)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(y)))
    if min(map(len, parts)) * min(fraction, 1 - fraction) < 1:
        return  # too small to split, which has a test of its own
    whole = partition.split(parts, fraction, seeded(seed))
    for part, train, test in zip(parts, whole.train, whole.test, strict=True):
        assert np.array_equal(np.sort(np.concatenate((train, test))), np.sort(part))
        assert len(train) == int(round(fraction * 100) * len(part) // 100)
    again = partition.split(recipe(y, clients, seeded(seed)), fraction, seeded(seed))
    other = partition.split(parts, fraction, seeded(seed + 1))
    assert whole.digest == again.digest != other.digest


@pytest.mark.parametrize("name", [name for name in RECIPES if name != "given"])
def test_another_seed_deals_otherwise_and_the_global_stream_has_no_say(name: str) -> None:
    y = labels(0)
    first, same, other = (RECIPES[name](y, 2, seeded(seed)) for seed in (0, 0, 1))
    assert all(map(np.array_equal, first, same))
    assert not all(map(np.array_equal, first, other))


@few
@given(seed=seeds, times=st.integers(1, 4))
def test_label_groups_give_each_client_its_group_in_equal_shares(seed: int, times: int) -> None:
    y = labels(seed)
    parts = partition.label_groups(y, 5 * times, seeded(seed), PAIRS)
    for u, part in enumerate(parts):
        held = np.bincount(y[part], minlength=10)
        assert np.flatnonzero(held).tolist() == PAIRS[u % 5]
        for label in PAIRS[u % 5]:
            assert held[label] - (y == label).sum() // times in (0, 1)


def papers_mnist_test_size(y: Ints) -> int:
    parts = partition.label_groups(y, 20, seeded(0), PAIRS)
    return sum(map(len, partition.split(parts, 0.75, seeded(0)).test))


def test_the_papers_mnist_has_its_test_size() -> None:
    assert papers_mnist_test_size(np.repeat(np.arange(10), MNIST_COUNTS)) == 17_507


def test_the_papers_mnist_has_its_test_size_on_the_real_labels(
    real: Callable[[str], Arrays],
) -> None:
    y = real("mnist").y
    assert papers_mnist_test_size(y) == 17_507
    dealt = partition.split(partition.pfedme_mnist(y), 0.75, None)
    assert dealt.digest.startswith("c354c9a6632fe919")  # that of the committed runs


@few
@given(
    seed=seeds,
    clients=st.integers(1, 12),
    held=st.integers(1, 10),
    sizes=st.sampled_from(["equal", "lognormal"]),
    sigma=st.sampled_from([0.0, 2.0, 10.0]),
)
def test_shards_give_exactly_k_labels_and_hold_labels_evenly(
    seed: int, clients: int, held: int, sizes: str, sigma: float
) -> None:
    y = labels(seed)
    clients = max(clients, -(-10 // held))
    parts = partition.shards(y, clients, seeded(seed), held, sizes, sigma)
    table = np.stack([np.bincount(y[part], minlength=10) for part in parts])
    assert ((table > 0).sum(axis=1) == held).all()
    holders = (table > 0).sum(axis=0)
    assert holders.max() - holders.min() <= 1
    if sizes == "equal" or sigma == 0:
        for column in table.T:
            own = column[column > 0]
            assert own.max() - own.min() <= (1 if sizes == "equal" else 2)


def test_shards_are_disjoint_where_labels_just_suffice() -> None:
    y = np.repeat(np.arange(100), 6)
    parts = partition.shards(y, 5, seeded(0), 20)
    assert [len(part) for part in parts] == [120] * 5
    assert len({label for part in parts for label in np.unique(y[part]).tolist()}) == 100


def test_a_large_sigma_makes_shards_unequal() -> None:
    y = np.repeat(np.arange(10), 500)
    parts = partition.shards(y, 20, seeded(0), 3, "lognormal", 2.0)
    assert max(map(len, parts)) > 5 * min(map(len, parts))


@pytest.mark.parametrize(("alpha", "most"), [(1e-6, 1.0), (1e9, 0.25)])
def test_dirichlet_reaches_its_limits(alpha: float, most: float) -> None:
    y = np.repeat(np.arange(10), 400)
    parts = partition.dirichlet(y, 4, seeded(4), alpha, min_size=1, retries=1000)
    shares = np.stack([np.bincount(y[part], minlength=10) for part in parts]) / 400
    assert shares.max(axis=0) == pytest.approx([most] * 10, abs=0.001)


def test_dirichlet_keeps_to_its_minimum_and_its_retries() -> None:
    y = labels(0)
    parts = partition.dirichlet(y, 10, seeded(0), 0.1, min_size=15, retries=10_000)
    assert min(map(len, parts)) >= 15
    with pytest.raises(DataError, match=r"5 draws with alpha=0.001 .* clients=10 .* min_size=15"):
        partition.dirichlet(y, 10, seeded(0), 0.001, min_size=15, retries=5)


def test_given_keeps_the_generators_clients() -> None:
    client = seeded(0).integers(0, 7, 2000)
    for u, part in enumerate(partition.given(client)):
        assert np.array_equal(part, np.flatnonzero(client == u))


@pytest.mark.parametrize(
    ("fraction", "n", "trained"), [(0.9, 10, 9), (0.7, 10, 7), (0.29, 100, 29)]
)
def test_split_takes_fractions_as_the_decimals_they_are(
    fraction: float, n: int, trained: int
) -> None:
    # In binary 0.29 * 100 is 28.999..., and a plain floor would train on 28.
    whole = partition.split([np.arange(n)], fraction, seeded(0), {"kind": "iid"})
    assert len(whole.train[0]) == trained
    assert whole.recipe == {"kind": "iid", "train_fraction": fraction}
    assert not np.array_equal(whole.train[0], np.arange(trained))


def test_the_papers_cifar10_has_its_sizes() -> None:
    y = np.tile(np.arange(10), 6000)
    parts = partition.pfedme_cifar10(y)
    assert [len(part) for part in parts] == CIFAR10_SIZES
    assert [np.unique(y[part]).tolist() for part in parts[8:10]] == [[0, 8, 9], [0, 1, 9]]
    assert parts[0][:11].tolist() == [*range(0, 100, 10), 1]
    whole: Partition = partition.split(parts, 0.75, seeded(0))
    assert sum(map(len, whole.test)) == 13_649


def test_the_papers_mnist_is_dealt_in_runs_and_shuffled_by_one_stream() -> None:
    y = np.tile(np.arange(10), 7)  # label l: l, l + 10, …: runs of 2, 2, 2, 1 images
    parts = partition.pfedme_mnist(y)
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
    parts = partition.pfedme_mnist(np.repeat(np.arange(10), MNIST_COUNTS))
    whole: Partition = partition.split(parts, 0.75, None)
    assert sum(map(len, whole.test)) == 17_507
    assert np.concatenate([whole.train[0], whole.test[0]]).tolist() == parts[0].tolist()


Y = np.repeat(np.arange(4), 5)


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (lambda rng: partition.label_groups(Y, 3, rng, [[0, 1], [2, 3]]), "clients=3 .* multiple"),
        (lambda rng: partition.label_groups(Y, 0, rng, [[0, 1], [2, 3]]), "clients=0"),
        (lambda rng: partition.label_groups(Y, 2, rng, [[0, 1], [2]]), r"\[0, 1, 2, 3\] once"),
        (lambda rng: partition.label_groups(Y, 2, rng, [[0, 1], [1, 2, 3]]), "once"),
        (lambda rng: partition.label_groups(Y, 2, rng, [[0, 1, 2, 3], []]), "none be empty"),
        (lambda rng: partition.label_groups(Y, 12, rng, [[0, 1], [2, 3]]), "label 0 has 5"),
        (lambda rng: partition.label_groups(Y[:0], 1, rng, []), "clients=1"),
        (lambda rng: partition.shards(Y, 1, rng, 3), "labels_per_client=3 .* clients=1"),
        (lambda rng: partition.shards(Y, 4, rng, 5), r"labels_per_client=5 must be in 1\.\.4"),
        (lambda rng: partition.shards(Y, 4, rng, 0), "labels_per_client=0"),
        (lambda rng: partition.shards(Y, 24, rng, 1), "has 20 samples for clients=24"),
        (lambda rng: partition.shards(Y, 12, rng, 2), "label 0 has 5 samples for clients=6"),
        (lambda rng: partition.shards(Y, 4, rng, 1, "uneven"), "sizes='uneven'"),
        (lambda rng: partition.shards(Y, 4, rng, 1, "lognormal", -1), r"sigma in 0\.\.10"),
        (lambda rng: partition.dirichlet(Y, 4, rng, 0.0), "alpha=0.0"),
        (lambda rng: partition.dirichlet(Y, 4, rng, float("nan")), "alpha=nan"),
        (lambda rng: partition.dirichlet(Y, 4, rng, float("inf")), "alpha=inf"),
        (lambda rng: partition.dirichlet(Y, 2, rng, 1, min_size=0), "min_size=0"),
        (lambda rng: partition.dirichlet(Y, 3, rng, 1), "clients=3 with min_size=10"),
        (lambda rng: partition.iid(Y, 21, rng), "20 samples for clients=21"),
        (lambda rng: partition.iid(Y, 0, rng), "clients=0"),
        (lambda rng: partition.given(np.array([0, 2])), "numbered 0, 1, 2"),
        (lambda rng: partition.given(np.array([-1, 0])), "numbered 0, 1, 2"),
        (lambda rng: partition.given(Y[:0]), "each have a sample"),
        (lambda rng: partition.pfedme_cifar10(Y), "60 images of each"),
        (lambda rng: partition.pfedme_mnist(Y), "4 images of each"),
        (lambda rng: partition.split([np.arange(3)], 0.2, rng), "client 0 has 3 samples"),
        (lambda rng: partition.split([np.arange(3)], 1.0, rng), "train_fraction=1.0"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(
    attempt: Callable[[np.random.Generator], object], said: str
) -> None:
    with pytest.raises(DataError, match=said) as caught:
        attempt(seeded(0))
    assert "\n" not in str(caught.value)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 0.6, 0.75, 0.9]))
def test_a_stratified_split_gives_every_label_its_share(seed: int, fraction: float) -> None:
    labels = np.repeat(np.arange(3), [40, 10, 25])
    parts = [np.flatnonzero(labels != 1), np.flatnonzero(labels == 1)]
    made = partition.split(parts, fraction, np.random.default_rng(seed), labels=labels)
    for part, train, test in zip(parts, made.train, made.test, strict=True):
        assert len(train) == floor(round(fraction * len(part), 6))
        assert sorted([*train, *test]) == sorted(part)
        for label in np.unique(labels[part]):
            share = fraction * np.sum(labels[part] == label)
            assert abs(np.sum(labels[train] == label) - share) < 1.5


def test_a_client_with_one_image_of_a_label_cannot_be_stratified() -> None:
    labels = np.array([0, 0, 0, 0, 1])
    with pytest.raises(DataError, match="client 0: cannot be split by class"):
        partition.split([np.arange(5)], 0.6, np.random.default_rng(0), labels=labels)
