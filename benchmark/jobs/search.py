"""The search space of tuning: a method's ranges, and the settings of each trial."""

import hashlib
import math
from collections.abc import Collection, Mapping

import numpy as np
from scipy.stats import qmc

from benchmark.engine.methods import Method
from benchmark.errors import BenchmarkError
from benchmark.spec import Scalar

DIGITS = 3
"""Significant digits of a proposed setting; further digits would not matter."""

Ranges = Mapping[str, tuple[Scalar, ...]]


def ranges_of(method: Method, fixed: Collection[str] = ()) -> Ranges:
    """The method's ``RANGES`` without the settings in ``fixed``.

    A pair of numbers is a range on a logarithmic scale, any other tuple a list of values.
    Raises BenchmarkError if the method declares no ranges, or wrong ones.
    """
    if not method.ranges:
        raise BenchmarkError(f"{method.path}: RANGES: missing; tuning needs the ranges to search")
    for name, values in method.ranges.items():
        _check(method, name, values)
    return {name: values for name, values in method.ranges.items() if name not in fixed}


def _check(method: Method, name: str, values: tuple[Scalar, ...]) -> None:
    where = f"{method.path}: RANGES[{name!r}]"
    if not isinstance(values, tuple) or not values:
        raise BenchmarkError(f"{where}: allowed: a pair (low, high), or a tuple of values")
    if (pair := _pair(values)) and not 0 < pair[0] < pair[1]:
        raise BenchmarkError(f"{where}: {values}, allowed: 0 < low < high")
    for value in values:
        method.settings({name: value})


def _pair(values: tuple[Scalar, ...]) -> tuple[float, float] | None:
    """The ends of a range; None for a list of values."""
    numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    return (numbers[0], numbers[1]) if len(numbers) == len(values) == 2 else None


def proposals(ranges: Ranges, trials: int, name: str) -> list[dict[str, Scalar]]:
    """The settings of each trial: first none (the method's own), then a scrambled Sobol sequence.

    name: seeds the sequence; a longer sequence of the same name begins with the shorter one.
    Without ranges, all trials are like the first.
    """
    if trials == 1 or not ranges:
        return [{} for _ in range(trials)]
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    sobol = qmc.Sobol(len(ranges), scramble=True, rng=np.random.default_rng(seed))
    points = sobol.random_base2(math.ceil(math.log2(max(trials - 1, 2))))[: trials - 1]
    return [{}] + [
        {name: _value(values, u) for (name, values), u in zip(ranges.items(), point, strict=True)}
        for point in points.tolist()
    ]


def _value(values: tuple[Scalar, ...], u: float) -> Scalar:
    """The value at position ``u`` in [0, 1) of a range or of a list."""
    if (pair := _pair(values)) is None:
        return values[int(u * len(values))]
    low, high = pair
    value = float(f"{low * (high / low) ** u:.{DIGITS}g}")
    return round(value) if all(isinstance(end, int) for end in values) else value
