"""The MNIST partition that the paper's numbers fit, draw for draw."""

from random import Random

import numpy as np

from datasets.arrays import DataError, Ints

CLIENTS = 20
CLASSES = 10
HELD = 2  # labels a client
FELLOWS = CLIENTS * HELD // CLASSES  # clients that share a label


def pfedme_mnist(labels: Ints, seed: int = 1) -> list[Ints]:
    """MNIST over 20 clients of two labels each, in the manner of pFedMe's authors' generators.

    Client u holds the labels 2u mod 10 and 2u + 1 mod 10. Each label's images, in the order of
    the data (the 60,000 first), are cut into four runs of equal length, as `numpy.array_split`
    does, one for each of its clients in turn. Then every client's images are shuffled, client
    after client, by one stream of Python's own generator.

    Training on the first floor(0.75 n) tests on 17,507 images, the number that the paper's
    accuracies are multiples of. Nothing is random but the shuffling; seed 1 is that of the
    CIFAR-10 partition, and puts FedAvg's and pFedMe's global models within 0.1 points of the
    paper's.

    labels: (n,) in 0..9. seed: any integer. Raises DataError if a label has fewer images than
    clients.
    """
    counts = [int((labels == label).sum()) for label in range(CLASSES)]
    if min(counts) < FELLOWS:
        raise DataError(
            f"pfedme_mnist needs {FELLOWS} images of each of the labels 0..{CLASSES - 1}; "
            f"there are {counts}"
        )
    runs = [np.array_split(np.flatnonzero(labels == label), FELLOWS) for label in range(CLASSES)]
    rng, parts = Random(seed), []
    for u in range(CLIENTS):
        held = [(HELD * u + j) % CLASSES for j in range(HELD)]
        images = np.concatenate([runs[label][HELD * u // CLASSES] for label in held]).tolist()
        rng.shuffle(images)
        parts.append(np.array(images, dtype=np.int64))
    return parts
