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
SEED = 1  # that of the CIFAR-10 partition


class PfedmeMnist(Recipe):
    """MNIST over 20 clients of two labels each, in the manner of pFedMe's authors' generators.

    Client u holds the labels 2u mod 10 and 2u + 1 mod 10. Each label's images, in the order of
    the data (the 60,000 first), are cut into four runs of equal length, as `numpy.array_split`
    does, one for each of its clients in turn. Then every client's images are shuffled, client
    after client, by one stream of Python's own generator.

    Training on the first floor(0.75 n) tests on 17,507 images, the number that the paper's
    accuracies are multiples of. Nothing is random but the shuffling; its seed puts FedAvg's and
    pFedMe's global models within 0.1 points of the paper's.
    """

    drawn: ClassVar[bool] = False
    kind: Literal["pfedme_mnist"]
    clients: Literal[20] = 20
    """The number of clients, N."""

    @property
    def words(self) -> str:
        """The number of labels per client."""
        return f"{HELD} labels each"

    def deal(self, arrays: Arrays, rng: Generator) -> list[Ints]:
        """Raise DataError if a label in 0..9 has fewer images than clients."""
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
