"""Statistics of many methods on many settings, as pure functions on (seeds × settings) arrays.

Mean ranks as Demšar (JMLR 2006) has them; interquartile mean, probability of improvement and
stratified bootstrap as Agarwal et al. (*Deep Reinforcement Learning at the Edge of the Statistical
Precipice*, NeurIPS 2021) define them; practical equivalence as Benavoli et al. (JMLR 2017) word it.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from reports.equivalence import LEAST_SEEDS, PRACTICAL
from reports.statistics import Floats

DRAWS = 1000
"""Bootstrap samples."""
CERTAIN = 0.95
"""The share of bootstrap samples from which on a difference is stated."""
Generator = np.random.Generator


class Estimate(NamedTuple):
    """A statistic with its 95 % bootstrap interval."""

    value: float
    """The statistic."""
    low: float
    """The lower end of its interval."""
    high: float
    """The upper end of its interval."""


class Practical(NamedTuple):
    """Shares of bootstrap samples in which a mean difference is practically none, or is not."""

    worse: float
    """Below −PRACTICAL."""
    equal: float
    """Within ±PRACTICAL."""
    better: float
    """Above PRACTICAL."""

    @property
    def word(self) -> str:
        """What CERTAIN of the samples agree on, or ``undecided``."""
        shares = {"better": self.better, "equal": self.equal, "worse": self.worse}
        return next((word for word, share in shares.items() if share >= CERTAIN), "undecided")


def mean_ranks(means: Floats) -> Floats:
    """The mean over settings of each method's rank, 1 for the best; ties share their mean rank.

    means: (methods, settings). Returns (methods,), between 1 and the number of methods.
    """
    return np.asarray(stats.rankdata(-means, axis=0).mean(axis=1), dtype=np.float64)


def interquartile_mean(values: Floats) -> float:
    """The mean of the middle half of all values, whatever their shape."""
    return float(stats.trim_mean(values, 0.25, axis=None))


def probability_of_improvement(ours: Floats, other: Floats) -> float:
    """The chance that a run of ours is above one of the other's in the same setting.

    ours, other: (seeds, settings), numbers of seeds may differ. Ties count half; settings weigh
    alike. 1: every run of ours is above every run of the other.
    """
    above = (ours[:, None] > other[None]) + 0.5 * (ours[:, None] == other[None])
    return float(above.mean())


def stratified(
    statistic: Callable[..., float], *samples: Floats, draws: int = DRAWS, seed: int = 0
) -> Estimate:
    """A statistic of (seeds × settings) samples, with its 95 % percentile bootstrap interval.

    Each draw takes the seeds of every setting again, setting by setting and sample by sample, so
    that the interval covers seeds and not settings.
    """
    rng = np.random.default_rng(seed)
    drawn = [statistic(*(_redrawn(each, rng) for each in samples)) for _ in range(draws)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(statistic(*samples), float(low), float(high))


def _redrawn(sample: Floats, rng: Generator) -> Floats:
    picked = rng.integers(len(sample), size=sample.shape)
    return np.take_along_axis(sample, picked, axis=0)


def practical(
    differences: Floats, region: float = PRACTICAL, draws: int = DRAWS, seed: int = 0
) -> Practical | None:
    """Whether a mean difference is practically better, equal or worse.

    differences: (seeds, settings) in percentage points, paired by seed. Draws settings again, and
    within each its seeds: the answer covers both. None with fewer than LEAST_SEEDS seeds.
    """
    seeds, settings = differences.shape
    if seeds < LEAST_SEEDS:
        return None
    rng = np.random.default_rng(seed)
    columns = rng.integers(settings, size=(draws, 1, settings))
    rows = rng.integers(seeds, size=(draws, seeds, settings))
    means = differences[rows, columns].mean(axis=(1, 2))
    worse, better = float((means < -region).mean()), float((means > region).mean())
    return Practical(worse, 1.0 - worse - better, better)


def profile(accuracies: Floats, thresholds: Sequence[float] | Floats) -> Floats:
    """The share of clients whose accuracy is above each threshold, over seeds and settings.

    accuracies: any shape, NaN for none. Returns one share per threshold, falling from 1 to 0.
    """
    known = accuracies[~np.isnan(accuracies)]
    return np.asarray([(known > t).mean() for t in thresholds], dtype=np.float64)
