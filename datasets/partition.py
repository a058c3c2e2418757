"""Who gets which samples: labels to index lists, one a client.

Every recipe here is a pure function of the labels and a generator, deals every sample to exactly
one client and leaves no client without any; where that is impossible it raises DataError. `split`
then divides each client's samples into training and test. `pfedme_mnist` and `pfedme_cifar10` have
seeds of their own; the latter leaves samples out.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import floor

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from datasets.arrays import DataError, Ints
from datasets.index_lists import Partition
from datasets.pfedme_cifar import pfedme_cifar10
from datasets.pfedme_mnist import pfedme_mnist

__all__ = [
    "Partition",
    "dirichlet",
    "given",
    "iid",
    "label_groups",
    "pfedme_cifar10",
    "pfedme_mnist",
    "shards",
    "split",
]


def label_groups(
    labels: Ints, clients: int, rng: Generator, groups: Sequence[Sequence[int]]
) -> list[Ints]:
    """Client u holds the labels of group u mod len(groups), shared equally with its fellows.

    MNIST in the paper's text, with groups (0,1) (2,3) (4,5) (6,7) (8,9) and 20 clients. Each
    label's images are shuffled and shared out on their own, as `numpy.array_split` does: training
    on floor(0.75 n) then tests on 17,507 images, which the paper's accuracies are multiples of
    (sharing out a pair's images together makes 17,508).

    labels: (n,). clients: a multiple of len(groups).
    groups: disjoint, together all labels that occur, and only those.
    """
    _enough(labels, clients, "the data set")
    named = [label for group in groups for label in group]
    occurring = np.unique(labels).tolist()
    if sorted(named) != occurring or not all(groups):
        raise DataError(
            f"groups must name each of the labels {occurring} once, and none be empty: {groups}"
        )
    if not groups or clients < 1 or clients % len(groups):
        raise DataError(
            f"clients={clients} must be a positive multiple of the {len(groups)} groups"
        )
    parts: list[list[Ints]] = [[] for _ in range(clients)]
    for first, group in enumerate(groups):
        fellows = parts[first :: len(groups)]
        for label in group:
            members = rng.permutation(np.flatnonzero(labels == label))
            _enough(members, len(fellows), f"label {label}")
            for part, share in zip(fellows, np.array_split(members, len(fellows)), strict=True):
                part.append(share)
    return [np.concatenate(part) for part in parts]


def shards(
    labels: Ints,
    clients: int,
    rng: Generator,
    labels_per_client: int,
    sizes: str = "equal",
    sigma: float = 2.0,
) -> list[Ints]:
    """Each client holds exactly `labels_per_client` labels, and a shard of each one's samples.

    The pathological partition of McMahan et al. (AISTATS 2017), with labels assigned so that
    the numbers of clients which hold them differ by one at most.

    labels: (n,). labels_per_client: 1 up to the number of labels that occur, in which case every
        client holds all; clients * labels_per_client must reach that number.
    sizes: "equal", a label's shards differ by one sample at most; "lognormal", they are in
        proportion to lognormal(0, sigma) draws, one sample at least.
    sigma: 0..10, used by "lognormal" only; 0 makes equal shards, a large one gives nearly all of
        a label to one client. The paper's CIFAR-10 was drawn with 2.
    """
    _enough(labels, clients, "the data set")
    values = np.unique(labels)
    if not 1 <= labels_per_client <= len(values) or clients * labels_per_client < len(values):
        raise DataError(
            f"labels_per_client={labels_per_client} must be in 1..{len(values)}, and times "
            f"clients={clients} at least {len(values)}, the number of labels"
        )
    if sizes not in ("equal", "lognormal") or not 0 <= sigma <= 10:
        raise DataError(
            f'sizes={sizes!r}, sigma={sigma}: sizes must be "equal" or "lognormal", sigma in 0..10'
        )
    holds = np.zeros((clients, len(values)), bool)
    holders = np.zeros(len(values), np.int64)
    for client in holds:
        # The labels held least so far, in random order among equals.
        order = np.lexsort((rng.random(len(values)), holders))
        client[order[:labels_per_client]] = True
        holders += client
    parts: list[list[Ints]] = [[] for _ in range(clients)]
    for value, held, count in zip(values, holds.T, holders.tolist(), strict=True):
        members = rng.permutation(np.flatnonzero(labels == value))
        _enough(members, count, f"label {value}")
        if sizes == "equal":
            dealt = np.array_split(members, count)
        else:
            dealt = np.split(members, _cuts(rng.lognormal(0, sigma, count), len(members), 1))
        for u, shard in zip(np.flatnonzero(held), dealt, strict=True):
            parts[u].append(shard)
    return [np.concatenate(shares) for shares in parts]


def dirichlet(
    labels: Ints,
    clients: int,
    rng: Generator,
    alpha: float,
    min_size: int = 10,
    retries: int = 100,
) -> list[Ints]:
    """Each label is shared out over the clients in proportions drawn from Dirichlet(alpha).

    Yurochkin et al. (ICML 2019) draw so for each label; Hsu et al. (2019) draw label
    proportions for each client, which fixes the clients' sizes instead.

    labels: (n,). alpha: above 0, up to 1e9; alpha -> 0 gives each label to one client, alpha ->
        infinity is IID (every client has the same share of each label).
    min_size: >= 1, the samples every client must get. retries: >= 1, how many partitions are
        drawn at most before this is given up with a DataError.
    """
    if not 0 < alpha <= 1e9 or min_size < 1 or retries < 1:
        raise DataError(
            f"dirichlet: alpha={alpha}, min_size={min_size}, retries={retries}; alpha must be "
            "above 0 and up to 1e9, the others at least 1"
        )
    if clients < 1 or clients * min_size > len(labels):
        raise DataError(
            f"dirichlet: clients={clients} with min_size={min_size} samples each; "
            f"there are {len(labels)} samples"
        )
    for _ in range(retries):
        parts: list[list[Ints]] = [[] for _ in range(clients)]
        for value in np.unique(labels):
            members = rng.permutation(np.flatnonzero(labels == value))
            cuts = _cuts(rng.dirichlet(np.full(clients, alpha)), len(members), 0)
            for part, share in zip(parts, np.split(members, cuts), strict=True):
                part.append(share)
        if min(sum(map(len, part)) for part in parts) >= min_size:
            return [np.concatenate(part) for part in parts]
    raise DataError(
        f"dirichlet: none of {retries} draws with alpha={alpha} gave each of clients={clients} "
        f"the minimum of min_size={min_size}; raise alpha, or lower clients or min_size"
    )


def iid(labels: Ints, clients: int, rng: Generator) -> list[Ints]:
    """All samples shuffled and dealt out in parts that differ by one at most.

    labels: (n,), of which only the length counts. clients: 1..n.
    """
    _enough(labels, clients, "the data set")
    return list(np.array_split(rng.permutation(len(labels)), clients))


def given(client: Ints) -> list[Ints]:
    """The clients that generated the samples: `Arrays.client`, (n,) with each of 0..max in it."""
    if not len(client) or not np.array_equal(np.unique(client), np.arange(client.max() + 1)):
        raise DataError("given: clients must be numbered 0, 1, 2, ... and each have a sample")
    order = np.argsort(client, kind="stable")
    return np.split(order, np.cumsum(np.bincount(client))[:-1])


def split(
    parts: Sequence[Ints],
    train_fraction: float,
    rng: Generator | None,
    recipe: Mapping[str, object] | None = None,
    labels: Ints | None = None,
) -> Partition:
    """Shuffle each client's samples; the first floor(train_fraction * n) train, the rest test.

    rng: None leaves each client's samples in the order given.
    labels: (n,) of the data set; given, every label of a client has its share of both sides.

    train_fraction: above 0 and below 1, taken as the decimal number it prints as, so that 0.9
        of 10 samples is 9 whatever binary fraction stands for 0.9.
    recipe: what to note in the partition, besides the fraction.
    Raises DataError if a client's training or test side would be empty.
    """
    if not 0 < train_fraction < 1:
        raise DataError(f"train_fraction={train_fraction} must be above 0 and below 1")
    exact = Fraction(str(float(train_fraction)))
    train, test = [], []
    for u, part in enumerate(parts):
        cut = floor(exact * len(part))
        if not 0 < cut < len(part):
            raise DataError(
                f"client {u} has {len(part)} samples: train_fraction={train_fraction} leaves it "
                "none to train on or none to be tested on; give clients more samples"
            )
        if labels is not None and rng is not None:
            ordered = _stratified(part, labels[part], cut, rng, f"client {u}")
        else:
            ordered = part if rng is None else rng.permutation(part)
        train.append(ordered[:cut])
        test.append(ordered[cut:])
    noted = {**(recipe or {}), "train_fraction": float(train_fraction)}
    return Partition(tuple(train), tuple(test), noted)


def _stratified(part: Ints, labels: Ints, cut: int, rng: Generator, who: str) -> Ints:
    """The samples shuffled, so that each label has its share of the first ``cut``."""
    from sklearn.model_selection import train_test_split

    seed = int(rng.integers(2**32))
    try:
        sides = train_test_split(
            part, train_size=cut, test_size=len(part) - cut, stratify=labels, random_state=seed
        )
    except ValueError as error:
        raise DataError(f"{who}: cannot be split by class: {error}") from None
    ordered: Ints = np.concatenate(sides)
    return ordered


def _enough(members: Ints, clients: int, what: str) -> None:
    if not 1 <= clients <= len(members):
        raise DataError(
            f"{what} has {len(members)} samples for clients={clients}; each needs at least one, "
            "and there must be a client"
        )


def _cuts(weights: NDArray[np.float64], n: int, least: int) -> Ints:
    """Where to cut n samples so that shares follow the weights, each with `least` at least."""
    ends = np.cumsum(weights)
    spread = np.rint(ends[:-1] / ends[-1] * (n - least * len(weights)))
    return np.asarray(spread, np.int64) + least * np.arange(1, len(weights))
