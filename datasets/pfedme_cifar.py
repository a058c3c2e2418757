"""The CIFAR-10 partition behind the paper's numbers, draw for draw."""

from random import Random

import numpy as np

from datasets.arrays import DataError, Ints

CLIENTS = 20
CLASSES = 10
HELD = 3  # labels a client
FIRST = 10  # images of each of its labels that a client gets before the shares are drawn


def pfedme_cifar10(labels: Ints, seed: int = 1) -> list[Ints]:
    """CIFAR-10 over 20 clients of three labels each, as pFedMe's authors' generator deals it.

    Client u holds the labels l = (u + j) mod 10, j = 0, 1, 2, and takes images in the order of
    the data. First 10 of each of its labels; then, client by client, 2 (floor(s) + r) more, with

        s = (n_l - 20) p[l, u div 2, j] / sum of p[l], p ~ lognormal(0, 2) of shape (10, 20, 3)
        r ~ randint(300, 600), of Python's own generator

    or none of that label where fewer or just as many are left. So not all images are used:
    seed 1 leaves 5,428 of the 60,000 out, and training on floor(0.75 n) tests on 13,649, the
    number that the paper's accuracies are multiples of.

    labels: (n,) in 0..9. seed: 0..2^32-1, of both the legacy NumPy and the Python stream.
    Raises DataError if a label has too few images for its clients' first ones.
    """
    by_label = [np.flatnonzero(labels == label) for label in range(CLASSES)]
    counts = np.array([len(members) for members in by_label])
    if counts.min() < FIRST * HELD * CLIENTS // CLASSES:
        raise DataError(
            f"pfedme_cifar10 needs {FIRST * HELD * CLIENTS // CLASSES} images of each of the "
            f"labels 0..{CLASSES - 1}; there are {counts.tolist()}"
        )
    used = np.zeros(CLASSES, np.int64)
    parts: list[list[Ints]] = [[] for _ in range(CLIENTS)]

    def take(u: int, label: int, count: int) -> None:
        parts[u].append(by_label[label][used[label] : used[label] + count])
        used[label] += count

    pairs = [(u, j, (u + j) % CLASSES) for u in range(CLIENTS) for j in range(HELD)]
    for u, _, label in pairs:
        take(u, label, FIRST)
    drawn = np.random.RandomState(seed).lognormal(0, 2, (CLASSES, CLIENTS, HELD))
    shares = (counts - CLIENTS)[:, None, None] * drawn / drawn.sum(axis=(1, 2), keepdims=True)
    rng = Random(seed)
    for u, j, label in pairs:
        count = 2 * (int(shares[label, u // 2, j]) + rng.randint(300, 600))
        if used[label] + count < counts[label]:
            take(u, label, count)
    return [np.concatenate(part) for part in parts]
