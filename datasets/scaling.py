"""Scale inputs for models: all at once by `scale(x, how)`, or on demand by `Inputs`."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.arrays import Floats, Ints
from datasets.errors import DataError

ROWS = 256  # samples; a block of float64 stays within 7 MB

Samples = NDArray[Any]
Scaler = Callable[[Samples], Floats]
"""Maps samples (m, ...) to float32 inputs, each independently of the others."""


def scale(x: Samples, how: str) -> Floats:
    """A float32 copy of x (n, ...), scaled by the method `how`, one of SCALINGS.

    "none": the stored values.
    "unit": to [0, 1], divided by 255 for uint8 images and by the largest value in x for other
        types (16 for `digits`); negative values are refused.
    "symmetric": to [-1, 1], twice "unit" less 1.
    "per_feature": (x - mean) / (deviation + 0.001) for each feature (each pixel of an image),
        with mean and deviation over all n samples as stored. pFedMe's authors prepare MNIST so.
        A constant feature becomes 0.

    Raises DataError for an unknown name, for an empty x, and, if `how` is "unit" or "symmetric",
    for an x with a negative value or without a positive one.
    """
    return fitted(x, how)(x)


def fitted(x: Samples, how: str) -> Scaler:
    """The function that scales any samples of x, with the statistics of all of x."""
    if how not in SCALINGS:
        raise DataError(f"unknown scaling {how!r}; there are: {', '.join(SCALINGS)}")
    if len(x) == 0:
        raise DataError(f"scaling {how!r} needs at least one sample; x has shape {x.shape}")
    return SCALINGS[how](x)


class Inputs:
    """A data set's inputs, scaled and rotated on access, so that no full copy is ever made.

    x: (n, ...) as stored. how: one of SCALINGS. quarter_turns: (n,) number of rotations by 90
    degrees of each image; None: no image is rotated.
    """

    def __init__(self, x: Samples, how: str, quarter_turns: NDArray[np.int8] | None = None) -> None:
        self._x, self._turns = x, quarter_turns
        self._scaled = fitted(x, how)
        if quarter_turns is not None and (x.ndim != 4 or x.shape[2] != x.shape[3]):
            raise DataError(f"rotations: inputs have shape {x.shape[1:]}, allowed: square images")

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all inputs, (n, ...)."""
        return self._x.shape

    def __len__(self) -> int:
        return len(self._x)

    def __getitem__(self, index: Ints) -> Floats:
        """The inputs (m, ...) of the samples at ``index`` (m,)."""
        inputs = self._scaled(self._x[index])
        if self._turns is not None:
            turns = self._turns[index]
            for k in range(1, 4):
                inputs[turns == k] = np.rot90(inputs[turns == k], k, axes=(2, 3))
        return inputs


def _none(x: Samples) -> Scaler:
    return _as_float


def _unit(x: Samples) -> Scaler:
    top = 255.0 if x.dtype == np.uint8 else float(x.max())
    if x.min() < 0 or not top > 0:
        raise DataError('only values from 0 up scale to "unit" or "symmetric"; try "per_feature"')

    def scaled(rows: Samples) -> Floats:
        out = _as_float(rows)
        out /= np.float32(top)
        return out

    return scaled


def _symmetric(x: Samples) -> Scaler:
    unit = _unit(x)

    def scaled(rows: Samples) -> Floats:
        out = unit(rows)
        out *= 2
        out -= 1
        return out

    return scaled


def _per_feature(x: Samples) -> Scaler:
    mean = x.mean(axis=0, dtype=np.float64)
    squares = np.zeros_like(mean)
    for start in range(0, len(x), ROWS):  # so that no float64 copy of all of x is ever made
        squares += np.square(x[start : start + ROWS] - mean).sum(axis=0)
    deviation = np.sqrt(squares / len(x))

    def scaled(rows: Samples) -> Floats:
        out = np.empty(rows.shape, np.float32)
        for start in range(0, len(rows), ROWS):
            block = slice(start, start + ROWS)
            out[block] = (rows[block] - mean) / (deviation + 0.001)
        return out

    return scaled


def _as_float(x: Samples) -> Floats:
    return x.astype(np.float32)


SCALINGS: Mapping[str, Callable[[Samples], Scaler]] = {
    "none": _none,
    "unit": _unit,
    "symmetric": _symmetric,
    "per_feature": _per_feature,
}
