"""The MNIST partition that the paper's numbers fit, draw for draw."""

from random import Random
from typing import ClassVar, Literal

import numpy as np
from numpy.random import Generator

from datasets.arrays import Arrays, Ints
from datasets.errors import DataError
from datasets.recipe import Recipe

CLIENTS = 20
CLASSES = 10
HELD = 2  # labels per client
FELLOWS = CLIENTS * HELD // CLASSES  # clients that share a label
SEED = 1  # the same as for the CIFAR-10 partition


class PfedmeMnist(Recipe):
    """MNIST over 20 clients of two labels each, in the manner of pFedMe's authors' generators.

    Client u holds the labels 2u mod 10 and 2u + 1 mod 10. Each label's images, in the order of
    the data set (the 60,000 training images first), are cut by `numpy.array_split` into four runs,
    one per client that holds the label. Then one stream of Python's generator shuffles every
    client's images, client after client.

    With training on the first floor(0.75 n) images, 17,507 remain for testing; the paper's
    accuracies are multiples of 1/17,507. Only the shuffling is random. With this seed the global
    models of FedAvg and pFedMe are within 0.1 points of the paper's.
    """

    drawn: ClassVar[bool] = False
    kind: Literal["pfedme_mnist"]
    clients: Literal[20] = 20
    """The number of clients, N."""

    @property
    def words(self) -> str:
        """Labels per client, as in ``2 labels each``."""
        return f"{HELD} labels each"

    def deal(self, arrays: Arrays, rng: Generator) -> list[Ints]:
        """The fixed partition; ``rng`` is not used.

        Raises DataError if a label in 0..9 has fewer images than clients.
        """
        by_label = [np.flatnonzero(arrays.y == label) for label in range(CLASSES)]
        counts = [len(members) for members in by_label]
        if min(counts) < FELLOWS:
            raise DataError(
                f"pfedme_mnist needs {FELLOWS} images of each of the labels 0..{CLASSES - 1}; "
                f"there are {counts}"
            )
        runs = [np.array_split(members, FELLOWS) for members in by_label]
        stream, parts = Random(SEED), []
        for u in range(CLIENTS):
            held = [(HELD * u + j) % CLASSES for j in range(HELD)]
            images = np.concatenate([runs[label][HELD * u // CLASSES] for label in held]).tolist()
            stream.shuffle(images)
            parts.append(np.array(images, dtype=np.int64))
        return parts
