"""The verdict on one number: whether ours is equivalent to the published, within a margin."""

from collections.abc import Sequence
from typing import NamedTuple

from scipy import special

from reports.statistics import Summary

PRACTICAL = 0.3
"""Percentage points: a difference below it changes no conclusion about a method."""
LEAST_SEEDS = 3
"""A mean over fewer seeds gets no verdict."""
PUBLISHED_RUNS = 5
"""Runs behind a published mean and its ±: the number that the published curves average."""
REPRODUCED, OPEN, DIFFERS = "reproduced", "open", "differs"
VERDICTS = (REPRODUCED, OPEN, DIFFERS)

RULE = (
    "Verdicts compare means over seeds, in percentage points (pp). The margin of a number is half "
    "its distance to the nearest number that the paper prints for another method in the same "
    f"column and of the same kind, GM or PM, but at most {PRACTICAL:g} pp: within it, a result is "
    "nearer to its own published number than to any other method's. Reproduced: the whole 90 % "
    "interval of ours − published lies within the margin (two one-sided t-tests, each at 5 %). "
    "Differs: the whole interval lies outside. Open: neither; more seeds could tell. The interval "
    "is Welch's: ours varies by its standard deviation over seeds, the published number by its ±, "
    f"read as a standard deviation over {PUBLISHED_RUNS} runs, the number that the published "
    "curves average; where no ± is printed, ours stands in for it. Means over fewer than "
    f"{LEAST_SEEDS} seeds get no verdict, nor do runs of fewer rounds than the paper's (partial). "
    "“Too” names the other methods whose own runs would have been called reproduced for the same "
    "number: where it names one, the verdict does not tell the methods apart. Fitted: a choice of "
    "the protocol was made on this number, or on a published curve of the same runs. Predicted: no "
    "choice was. Verdicts are not adjusted for their number."
)
INTERVALS = (
    "Intervals and p-values cover what a seed changes: the initial model, the sampled clients and, "
    "only where the protocol draws them for each seed, batches and partition. They do not cover "
    "the choice of the test samples, which the intervals over clients indicate, nor the choice of "
    "the data set."
)


class Gap(NamedTuple):
    """Ours − published in percentage points."""

    mean: float
    """Our mean minus the published one."""
    low: float
    """The lower end of the 90 % interval, as ``high`` is its upper end."""
    high: float
    """The upper end of the interval."""
    margin: float
    """The largest difference, of either sign, that counts as none."""

    @property
    def verdict(self) -> str:
        """Reproduced, open or differs."""
        if -self.margin <= self.low and self.high <= self.margin:
            return REPRODUCED
        is_outside = self.low > self.margin or self.high < -self.margin
        return DIFFERS if is_outside else OPEN


def margin(published: float, others: Sequence[float]) -> float:
    """Half the distance to the nearest of ``others``, at most PRACTICAL; PRACTICAL without any."""
    return min([PRACTICAL, *(abs(published - other) / 2 for other in others)])


def gap(ours: Summary, published: float, published_std: float | None, within: float) -> Gap | None:
    """Welch's 90 % interval of ours − published; None with fewer than LEAST_SEEDS seeds.

    published_std: the printed ±, None where none is printed (ours stands in for it). within: the
    margin.
    """
    if ours.std is None or ours.n < LEAST_SEEDS:
        return None
    theirs = ours.std if published_std is None else published_std
    variances = ours.std**2 / ours.n, theirs**2 / PUBLISHED_RUNS
    mean = ours.mean - published
    half = _half(*variances, ours.n - 1, PUBLISHED_RUNS - 1)
    return Gap(mean, mean - half, mean + half, within)


def _half(variance: float, other: float, freedom: int, other_freedom: int) -> float:
    """Half of Welch's 90 % interval, from two squared standard errors; 0 if both are 0."""
    total = variance + other
    if total == 0:
        return 0.0
    degrees = total**2 / (variance**2 / freedom + other**2 / other_freedom)
    quantile = float(special.stdtrit(degrees, 0.95))
    return quantile * float(total**0.5)
