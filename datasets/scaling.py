"""Inputs as models see them: `scale(x, how)`."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.arrays import Floats
from datasets.errors import DataError

ROWS = 256  # samples; a block of float64 stays within 7 MB


def scale(x: NDArray[Any], how: str) -> Floats:
    """A float32 copy of x (n, ...), scaled as one of SCALINGS says.

    "none": the stored values.
    "unit": to [0, 1], by 255 for uint8 images and by the largest value in x for other types
        (16 for `digits`); for values that are never negative.
    "symmetric": to [-1, 1], twice "unit" less 1.
    "per_feature": (x - mean) / (deviation + 0.001), each feature (each pixel of an image) over
        all n samples and on the stored scale, as pFedMe's authors prepare MNIST. A feature that
        never varies becomes 0.

    Raises DataError for an unknown name, for an x without samples, and for "unit" and
    "symmetric" where x has negative values or no positive one.
    """
    if how not in SCALINGS:
        raise DataError(f"unknown scaling {how!r}; there are: {', '.join(SCALINGS)}")
    if len(x) == 0:
        raise DataError(f"scaling {how!r} needs at least one sample; x has shape {x.shape}")
    return SCALINGS[how](x)


def _none(x: NDArray[Any]) -> Floats:
    return x.astype(np.float32)


def _unit(x: NDArray[Any]) -> Floats:
    top = 255.0 if x.dtype == np.uint8 else float(x.max())
    if x.min() < 0 or not top > 0:
        raise DataError('only values from 0 up scale to "unit" or "symmetric"; try "per_feature"')
    out = _none(x)
    out /= np.float32(top)
    return out


def _symmetric(x: NDArray[Any]) -> Floats:
    out = _unit(x)
    out *= 2
    out -= 1
    return out


def _per_feature(x: NDArray[Any]) -> Floats:
    mean = x.mean(axis=0, dtype=np.float64)
    squares = np.zeros_like(mean)
    for rows in _blocks(x):
        squares += np.square(rows - mean).sum(axis=0)
    deviation = np.sqrt(squares / len(x))
    out = np.empty(x.shape, np.float32)
    for rows, block in zip(_blocks(x), _blocks(out), strict=True):
        block[...] = (rows - mean) / (deviation + 0.001)
    return out


def _blocks(x: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Views of x, a few rows each, so that no float64 copy of all of x is ever made."""
    return (x[start : start + ROWS] for start in range(0, len(x), ROWS))


SCALINGS: Mapping[str, Callable[[NDArray[Any]], Floats]] = {
    "none": _none,
    "unit": _unit,
    "symmetric": _symmetric,
    "per_feature": _per_feature,
}
