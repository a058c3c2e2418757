"""Each client's samples divided into training, validation and test."""

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
    validation_fraction: float = 0.0,
) -> Partition:
    """Shuffle each client's n samples; the first floor(train_fraction * n) train, the rest test.

    For validation, the last floor(validation_fraction * m) of a client's m training samples, at
    least one, are set aside. Validation changes no client's test samples.

    train_fraction: in (0, 1), read as the decimal number that it prints as: 0.9 of 10 is 9,
        although the binary fraction nearest to 0.9 is smaller.
    rng: None keeps each client's samples in the given order.
    recipe: entries of the partition's recipe, beside the fraction.
    labels: (n,) labels of the data set, for a stratified split: every label of a client has its
        share on both sides. A label with one sample trains, as long as there is room. If a side is
        smaller than the number of labels to share, the other samples are shuffled without
        stratification.
    validation_fraction: in [0, 1), read like ``train_fraction``. 0: no validation.
    Raises DataError if a client would have no training, validation or test samples.
    """
    if not (0 < train_fraction < 1 and 0 <= validation_fraction < 1):
        raise DataError(
            f"train_fraction={train_fraction} must be above 0 and below 1, "
            f"validation_fraction={validation_fraction} from 0 to below 1"
        )
    train, test = _divided(parts, train_fraction, rng, labels)
    validation: tuple[Ints, ...] = ()
    if validation_fraction > 0:
        train, validation = _validated(train, validation_fraction, rng, labels)
    noted = {**(recipe or {}), "train_fraction": float(train_fraction)}
    return Partition(train, test, noted, validation)


Sides = tuple[tuple[Ints, ...], tuple[Ints, ...]]


def _divided(
    parts: Sequence[Ints], fraction: float, rng: Generator | None, labels: Ints | None
) -> Sides:
    first, second = [], []
    for u, part in enumerate(parts):
        cut = _share(fraction, len(part))
        if not 0 < cut < len(part):
            raise DataError(
                f"client {u} has {len(part)} samples: train_fraction={fraction} leaves it "
                "none to train on or none to be tested on; give clients more samples"
            )
        ordered = _ordered(part, cut, rng, labels)
        first.append(ordered[:cut])
        second.append(ordered[cut:])
    return tuple(first), tuple(second)


def _validated(
    train: Sequence[Ints], fraction: float, rng: Generator | None, labels: Ints | None
) -> Sides:
    kept, validation = [], []
    for u, part in enumerate(train):
        cut = len(part) - max(1, _share(fraction, len(part)))
        if cut < 1:
            raise DataError(
                f"client {u} has {len(part)} samples for training: validation_fraction={fraction} "
                "leaves it none to train on; give clients more samples"
            )
        # Without labels the samples are in random order already.
        ordered = part if labels is None else _ordered(part, cut, rng, labels)
        kept.append(ordered[:cut])
        validation.append(ordered[cut:])
    return tuple(kept), tuple(validation)


def _share(fraction: float, n: int) -> int:
    return floor(Fraction(str(float(fraction))) * n)


def _ordered(part: Ints, cut: int, rng: Generator | None, labels: Ints | None) -> Ints:
    """The samples in the order in which they are cut in two."""
    if rng is None:
        return part
    return rng.permutation(part) if labels is None else _stratified(part, labels[part], cut, rng)


def _stratified(part: Ints, labels: Ints, cut: int, rng: Generator) -> Ints:
    """Shuffle the samples so that each label has its share of the first ``cut``.

    Samples that are the only one of their label come first.
    """
    from sklearn.model_selection import train_test_split

    seed = int(rng.integers(2**32))
    values, counts = np.unique(labels, return_counts=True)
    single = np.isin(labels, values[counts == 1])
    several, rest, size = int((counts > 1).sum()), cut - int(single.sum()), len(part) - cut
    if min(rest, size) < several or not several:
        return np.concatenate((rng.permutation(part[single]), rng.permutation(part[~single])))
    sides = train_test_split(
        part[~single],
        train_size=rest,
        test_size=size,
        stratify=labels[~single],
        random_state=seed,
    )
    ordered: Ints = np.concatenate((part[single], *sides))
    return ordered
