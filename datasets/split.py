"""Each client's samples divided into training and test."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import floor

import numpy as np
from numpy.random import Generator

from datasets.arrays import Ints
from datasets.errors import DataError
from datasets.partition import Partition


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
