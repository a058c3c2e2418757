"""One number of a table, ours beside the published: the record that every page is made from."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import pandas as pd

from reports.equivalence import Gap
from reports.names import rounds_label
from reports.settings import Series, Setting
from reports.statistics import Summary
from reports.stored import Made

NOT_RUN, PARTIAL, UNPUBLISHED = "not run", "partial", "no published value"
DIVERGED, TOO_FEW = "diverged", "too few seeds"
SYMBOLS = ("lam", "beta", "K")


class Published(NamedTuple):
    """A number that the paper prints, in percent."""

    mean: float
    """The printed mean."""
    std: float | None
    """The printed ±; None where none is printed."""


class Symbols(NamedTuple):
    """λ, β and K, as printed or else as the cell sets them; None where neither does."""

    lam: float | None
    """λ, the proximal weight."""
    beta: float | None
    """β, the server's step."""
    K: int | None
    """The number of inner steps."""


@dataclass(frozen=True, eq=False)
class Runs:
    """The finished runs behind one number of ours."""

    made: Made
    """The runs of the cell."""
    scores: str
    """``global`` or ``personal``."""
    diverged: str | None
    """Which seeds diverged, at which rounds; None if none did."""

    @property
    def values(self) -> pd.DataFrame:
        """Seeds × reductions, in percent."""
        return self.made.scores[self.scores]

    @property
    def seeds(self) -> int:
        """How many seeds have been run."""
        return len(self.values)

    @property
    def is_partial(self) -> bool:
        """True if the runs are shorter than the paper's."""
        return self.made.is_partial

    @cached_property
    def is_older(self) -> bool:
        """True if the method's file has changed since it made any of the runs."""
        methods = self.made.library.methods
        return any(methods.have_changed_since(run) for run in self.made.runs.values())

    @property
    def length(self) -> str:
        """``600 rounds``, or ``at round 60 of 600``."""
        return rounds_label(self.made.rounds, self.made.full_rounds)


@dataclass(frozen=True, eq=False)
class Row:
    """One number of a table, ours beside the paper's; scores are in percent."""

    table: int | None
    """The paper's table that the experiment repeats."""
    setting: Setting
    """The column of the number."""
    series: Series
    """The line of the number."""
    symbols: Symbols
    """The settings by which the paper's tables tell numbers apart."""
    published: Published | None
    """The paper's number; None where it prints none."""
    runs: Runs | None
    """The runs of ours; None where there is none."""
    ours: Summary | None
    """Mean and spread of ours over seeds; None where nothing was run or a seed diverged."""
    reduction: str
    """How a run is reduced to one score: a key of ``names.REDUCTION_TEXT``."""
    protocol: str
    """The protocol that the runs follow."""
    verdict: str
    """The verdict in words, or why there is none."""
    lacking: str | None
    """Rounds and seeds that the profile asks for and the store lacks, in words."""
    misprint: str | None
    """Why the number stands beside cells with other active clients than its caption says."""
    cell: str | None
    """Key of the cell that the number is about, run or not; None where the grid has none."""
    fitted: tuple[str, ...]
    """Choices of the protocol that were made on the published number; empty: it is predicted."""
    gap: Gap | None
    """Ours − published with its interval and margin; None where there is no verdict."""
    too: tuple[str, ...]
    """Algorithms whose own runs would have been called reproduced for the same number."""
    alone: Runs | None
    """Local-only's runs on the same data with the same model, for personal scores."""

    @property
    def difference(self) -> float | None:
        """Ours − published in percentage points; None unless both exist at the same length."""
        if self.ours is None or self.published is None or self.is_partial:
            return None
        return self.ours.mean - self.published.mean

    @property
    def best_bias(self) -> float | None:
        """By how much the best round exceeds the mean of the last 20 evaluations, over seeds."""
        if self.ours is None or self.runs is None:
            return None
        return float((self.runs.values["best"] - self.runs.values["last20"]).mean())

    @property
    def is_partial(self) -> bool:
        """True if there are runs and they are shorter than the paper's."""
        return self.runs is not None and self.runs.is_partial


def flat(row: Row) -> dict[str, Any]:
    """The row as one record that JSON can hold: numbers that do not exist are None."""
    ours, published, runs = row.ours, row.published, row.runs
    return {
        "table": row.table,
        **row.setting._asdict(),
        "partition": runs.made.cell.partition.label if runs else None,
        "algorithm": row.series.algorithm,
        "variant": row.series.variant,
        "scores": row.series.scores,
        **row.symbols._asdict(),
        "paper_mean": published and published.mean,
        "paper_std": published and published.std,
        "ours_mean": ours and ours.mean,
        "ours_std": ours and ours.std,
        "ours_low": ours and ours.low,
        "ours_high": ours and ours.high,
        "difference": row.difference,
        "seeds": runs.seeds if runs else 0,
        "rounds": runs and runs.made.rounds,
        "full_rounds": runs and runs.made.full_rounds,
        "reduction": row.reduction,
        "protocol": row.protocol,
        "verdict": row.verdict,
        "margin": row.gap and row.gap.margin,
        "too": list(row.too),
        "fitted": list(row.fitted),
        "lacking": row.lacking,
        "cell": runs and runs.made.cell.key,
        "misprint": row.misprint,
        "diverged": runs and runs.diverged,
        "older": bool(runs and runs.is_older),
    }
