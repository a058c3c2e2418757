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
FIRST = 10  # images that a client gets of each of its labels before the shares are drawn
SEED = 1  # the seed of the legacy NumPy stream and of the Python stream


class PfedmeCifar10(Recipe):
    """CIFAR-10 over 20 clients of three labels each, as pFedMe's authors' generator deals it.

    Client u holds the labels l = (u + j) mod 10, j = 0, 1, 2, and takes images in the order of
    the data set. First each client takes 10 images of each of its labels. Then, client by client
    and label by label, it takes 2 (floor(s) + r) more, with

        s = (n_l - 20) p[l, u div 2, j] / sum of p[l], p ~ lognormal(0, 2) of shape (10, 20, 3)
        r ~ randint(300, 600), from Python's generator

    If that many or fewer are left of the label, the client takes none of them. So 5,428 of the
    60,000 images are not used. With training on floor(0.75 n) images, 13,649 remain for testing;
    the paper's accuracies are multiples of 1/13,649.
    """

    drawn: ClassVar[bool] = False
    kind: Literal["pfedme_cifar10"]
    clients: Literal[20] = 20
    """The number of clients, N."""

    @property
    def words(self) -> str:
        """Labels per client, as in ``3 labels each``."""
        return f"{HELD} labels each"

    def deal(self, arrays: Arrays, rng: Generator) -> list[Ints]:
        """The generator's partition; ``rng`` is not used.

        Raises DataError if a label in 0..9 has fewer images than its clients take first.
        """
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
    """The numbers s, (labels, clients, j); row u // 2 belongs to client u."""
    drawn = np.random.RandomState(SEED).lognormal(0, 2, (CLASSES, CLIENTS, HELD))
    images = (counts - CLIENTS)[:, None, None]
    shares: NDArray[np.float64] = images * drawn / drawn.sum(axis=(1, 2), keepdims=True)
    return shares
