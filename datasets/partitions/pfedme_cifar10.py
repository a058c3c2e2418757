"""The CIFAR-10 partition behind the paper's numbers, draw for draw."""

from random import Random
from typing import ClassVar, Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from datasets.arrays import Arrays, Ints
from datasets.errors import DataError
from datasets.recipe import Recipe

CLIENTS = 20
CLASSES = 10
HELD = 3  # labels per client
FIRST = 10  # images of each of its labels that a client gets before the shares are drawn
SEED = 1  # of both the legacy NumPy and the Python stream


class PfedmeCifar10(Recipe):
    """CIFAR-10 over 20 clients of three labels each, as pFedMe's authors' generator deals it.

    Client u holds the labels l = (u + j) mod 10, j = 0, 1, 2, and takes images in the order of
    the data. First 10 of each of its labels; then, client by client, 2 (floor(s) + r) more, with

        s = (n_l - 20) p[l, u div 2, j] / sum of p[l], p ~ lognormal(0, 2) of shape (10, 20, 3)
        r ~ randint(300, 600), of Python's own generator

    or none of that label where fewer or just as many are left. So not all images are used: 5,428
    of the 60,000 are left out, and training on floor(0.75 n) tests on 13,649, the number that the
    paper's accuracies are multiples of.
    """

    drawn: ClassVar[bool] = False
    kind: Literal["pfedme_cifar10"]
    clients: Literal[20] = 20
    """The number of clients, N."""

    @property
    def words(self) -> str:
        """The number of labels per client."""
        return f"{HELD} labels each"

    def deal(self, arrays: Arrays, rng: Generator) -> list[Ints]:
        """Raise DataError if a label in 0..9 has too few images for its clients' first ones."""
        by_label = [np.flatnonzero(arrays.y == label) for label in range(CLASSES)]
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
        shares, stream = _shares(counts), Random(SEED)
        for u, j, label in pairs:
            count = 2 * (int(shares[label, u // 2, j]) + stream.randint(300, 600))
            if used[label] + count < counts[label]:
                take(u, label, count)
        return [np.concatenate(part) for part in parts]


def _shares(counts: Ints) -> NDArray[np.float64]:
    """s, by label, client div 2 and j."""
    drawn = np.random.RandomState(SEED).lognormal(0, 2, (CLASSES, CLIENTS, HELD))
    images = (counts - CLIENTS)[:, None, None]
    shares: NDArray[np.float64] = images * drawn / drawn.sum(axis=(1, 2), keepdims=True)
    return shares
