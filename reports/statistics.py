"""The numbers of a report, as pure functions on arrays; no plotting, no files.

Scores are fractions in [0, 1] in histories and percent everywhere else; a function here says
which only where it matters.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]


class Summary(NamedTuple):
    """Mean of n values, standard deviation (ddof = 1) and 95 % interval; None where n < 2."""

    n: int
    """Number of values."""
    mean: float
    """Their mean."""
    std: float | None
    """Their standard deviation (ddof = 1)."""
    low: float | None
    """The lower end of the interval."""
    high: float | None
    """The upper end of the interval."""


class Paired(NamedTuple):
    """Mean of the paired differences, its 95 % interval, and the two-sided p of a t-test."""

    n: int
    """Number of pairs."""
    mean: float
    """Mean difference."""
    low: float
    """The lower end of the interval."""
    high: float
    """The upper end of the interval."""
    p: float
    """The two-sided p-value."""


def best(values: Floats) -> float:
    """The largest evaluation."""
    return float(values.max())


def last(values: Floats) -> float:
    """The last evaluation."""
    return float(values[-1])


def last20(values: Floats) -> float:
    """The mean of the last twenty evaluations, or of all if there are fewer."""
    return float(values[-20:].mean())


REDUCTIONS: dict[str, Callable[[Floats], float]] = {"best": best, "last": last, "last20": last20}


def reduce(history: ArrayLike, reduction: str) -> float:
    """A history reduced to the number a table prints; evaluations that are NaN do not count.

    history: (evaluations,), in order. reduction: "best", "last" or "last20". NaN if nothing
    was evaluated.
    """
    values = np.asarray(history, dtype=np.float64)
    values = values[~np.isnan(values)]
    return REDUCTIONS[reduction](values) if values.size else float("nan")


def at_best_validation(history: ArrayLike, validation: ArrayLike) -> float:
    """The entry of a history where its validation accuracy is largest, the first of equals.

    history, validation: (evaluations,), in order; NaN where not evaluated. NaN if there is none.
    """
    values, chosen_by = (np.asarray(x, dtype=np.float64) for x in (history, validation))
    return float("nan") if np.isnan(chosen_by).all() else float(values[np.nanargmax(chosen_by)])


def smooth(values: ArrayLike, window: int) -> Floats:
    """Forward flat mean: entry r is the mean of entries r … r + window − 1.

    Past its end the history is mirrored about its last entry, which is not repeated: this is
    how the published curves were drawn, with entry r the evaluation r + 1. values: (n,), no
    NaN; the result has the same length. A window longer than the history is cut to it.
    """
    x = np.asarray(values, dtype=np.float64)
    window = min(window, len(x))
    padded = np.pad(x, (0, window - 1), mode="reflect") if window > 1 else x
    return np.lib.stride_tricks.sliding_window_view(padded, window).mean(axis=1) if window else x


def summarise(values: ArrayLike) -> Summary:
    """Mean, standard deviation and 95 % Student-t interval of one number per seed."""
    x = np.asarray(values, dtype=np.float64)
    n, mean = len(x), float(x.mean())
    if n < 2:
        return Summary(n, mean, None, None, None)
    std = float(x.std(ddof=1))
    half = t_quantile(n) * std / n**0.5
    return Summary(n, mean, std, mean - half, mean + half)


def t_quantile(n: int) -> float:
    """The 97.5 % quantile of Student's t with n − 1 degrees of freedom; n ≥ 2."""
    return float(special.stdtrit(n - 1, 0.975))


def paired(ours: ArrayLike, other: ArrayLike) -> Paired:
    """Student's t-test on ours − other, pair by pair; both (n,), n ≥ 2.

    Equal differences in every pair leave no spread to test against: p is then 0, or 1 if
    they are all zero.
    """
    d = np.asarray(ours, dtype=np.float64) - np.asarray(other, dtype=np.float64)
    n, mean = len(d), float(d.mean())
    error = float(d.std(ddof=1)) / n**0.5
    low, high = mean - t_quantile(n) * error, mean + t_quantile(n) * error
    if error < 1e-12:
        return Paired(n, mean, low, high, float(abs(mean) < 1e-12))
    return Paired(n, mean, low, high, float(2 * special.stdtr(n - 1, -abs(mean) / error)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment: the family-wise error of all the tests stays below p."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(steps, 1.0)
    return [float(value) for value in adjusted]
