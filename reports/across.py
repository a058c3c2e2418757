"""All methods across the settings of an experiment that deals its data in several ways."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from reports import aggregates, costs, per_client
from reports.aggregates import Estimate, Practical
from reports.equivalence import LEAST_SEEDS, PRACTICAL
from reports.names import method_rank, model_name
from reports.results import Results
from reports.rows import Row
from reports.settings import Setting
from reports.statistics import Floats

ALONE, TUNED = "local", "fedavg"
"""Training alone, and FedAvg, which clients fine-tune where it has personal scores."""
Key = tuple[str, str]
"""A method and the scores it is judged by."""


class Standing(NamedTuple):
    """One method across the settings."""

    algorithm: str
    scores: str
    rank: float
    """Mean rank over settings."""
    gain: Estimate | None
    """Interquartile mean of the gain over local-only; None for local-only or without it."""
    above_alone: Estimate | None
    """Probability of improvement over local-only."""
    above_tuned: Estimate | None
    """Probability of improvement over fine-tuned FedAvg."""
    gains: dict[Setting, float]
    """Mean gain over local-only in percentage points; empty for local-only or without it."""
    worse: dict[Setting, float]
    """Percent of the clients that are worse off than alone, where accuracies of clients are kept.
    """
    kilobytes: float | None
    """Per client and round, down and up, mean over settings; None where not counted."""
    gradients: float | None
    """Per client and round, mean over settings; None where not counted."""
    practical: Practical | None

    @property
    def wins(self) -> list[Setting]:
        """Settings whose mean gain over local-only is above PRACTICAL."""
        return [setting for setting, gain in self.gains.items() if gain > PRACTICAL]

    @property
    def losses(self) -> list[Setting]:
        """Settings whose mean gain is below −PRACTICAL."""
        return [setting for setting, gain in self.gains.items() if gain < -PRACTICAL]

    @property
    def harmed(self) -> float | None:
        """Percent of the clients that are worse off than alone, mean over settings."""
        return float(np.mean(list(self.worse.values()))) if self.worse else None


class Table(NamedTuple):
    """What all methods listed have run: arrays of (seeds, settings), in percent."""

    settings: list[Setting]
    values: dict[Key, Floats]
    rows: dict[Key, list[Row]]
    partial: dict[Setting, int]
    """Settings with runs that are left out, with the number of methods that have enough of them.
    """
    missing: list[Key]
    """Methods left out: they have not run, or diverged in, some of ``settings``."""

    @property
    def seeds(self) -> int:
        """Number of seeds that all methods share in all settings."""
        return len(next(iter(self.values.values()))) if self.values else 0

    def on(self, dataset: str) -> "Table":
        """The same on one data set, with the seeds that are shared there."""
        kept = [s for s in self.settings if s.dataset == dataset]
        rows = {
            key: [row for row in each if row.setting.dataset == dataset]
            for key, each in self.rows.items()
        }
        return self._replace(settings=kept, values=_values(rows), rows=rows)


def is_across(results: Results) -> bool:
    """True if the experiment deals the same data in several ways."""
    return any(setting.partition for setting in results.columns)


def table(results: Results) -> Table:
    """Each method's scores in the settings and over the seeds that the methods share.

    A setting counts once nine tenths of the methods, or all but one, have run it at full length
    with enough seeds for a verdict, or with the most that any setting has; and, beside other data
    sets, once that is so in every setting of its data set.
    """
    seeds = [row.runs.seeds for row in results.main_rows if row.runs]
    least = min(LEAST_SEEDS, max(seeds, default=1))
    made: dict[Key, dict[Setting, Row]] = {}
    for row in results.main_rows:
        key = row.series.algorithm, row.series.scores
        if row.runs and not row.is_partial and row.runs.seeds >= least:
            made.setdefault(key, {}).setdefault(row.setting, row)
    counts = Counter(setting for found in made.values() for setting in found)
    most = max(counts.values(), default=0)
    enough = most - (max(1, most // 10) if most > 2 else 0)
    settings = _whole([s for s in results.columns if counts[s] >= max(1, enough)], results)
    rows = {
        key: [found[setting] for setting in settings]
        for key, found in made.items()
        if all(s in found and found[s].ours for s in settings)
    }
    everyone = {(row.series.algorithm, row.series.scores) for row in results.main_rows if row.runs}
    short = {s: counts[s] for s in results.columns if s not in settings}
    rows = rows if settings else {}
    return Table(settings, _values(rows), rows, short, sorted(everyone - rows.keys()))


def _whole(settings: list[Setting], results: Results) -> list[Setting]:
    """The settings of data sets that lack none of theirs; all of them if each data set does."""
    asked: dict[str, set[tuple[object, ...]]] = {}
    for cell in results.cells.values():
        place = model_name(cell), cell.active_clients, cell.partition.label
        asked.setdefault(cell.data.name, set()).add(place)
    have = Counter(setting.dataset for setting in settings)
    return [s for s in settings if have[s.dataset] == len(asked[s.dataset])] or settings


def _values(rows: Mapping[Key, Sequence[Row]]) -> dict[Key, Floats]:
    """Seeds × settings by method, over the seeds that all share; empty where they share none."""
    known = [set(row.runs.values.index) for each in rows.values() for row in each if row.runs]
    seeds = sorted(set.intersection(*known)) if known else []
    if not seeds:
        return {}
    return {
        key: np.array(
            [row.runs.values.loc[seeds, row.reduction] for row in each if row.runs]
        ).T.reshape(len(seeds), -1)
        for key, each in rows.items()
    }


def standings(found: Table) -> list[Standing]:
    """The methods, the best mean rank first."""
    if not found.values:
        return []
    ranks = aggregates.mean_ranks(np.array([v.mean(axis=0) for v in found.values.values()]))
    standing = partial(_standing, found)
    every = [standing(key, float(rank)) for key, rank in zip(found.values, ranks, strict=True)]
    return sorted(every, key=lambda one: (one.rank, method_rank(one.algorithm)))


def _standing(found: Table, key: Key, rank: float) -> Standing:
    ours = found.values[key]
    others = found.values.get((ALONE, "personal")) if key[0] != ALONE else None
    tuned = found.values.get((TUNED, "personal")) if key[0] != TUNED else None
    gains = None if others is None else ours - others
    improvement = aggregates.probability_of_improvement
    shares = {row.setting: per_client.against_alone(row) for row in found.rows[key]}
    spent = [cost for row in found.rows[key] if row.runs and (cost := costs.counted(row.runs))]
    kilobytes = [(cost.bytes_down + cost.bytes_up) / 1e3 for cost in spent]
    return Standing(
        *key,
        rank=rank,
        gain=None if gains is None else aggregates.stratified(aggregates.interquartile_mean, gains),
        above_alone=None if others is None else aggregates.stratified(improvement, ours, others),
        above_tuned=None if tuned is None else aggregates.stratified(improvement, ours, tuned),
        gains={}
        if gains is None
        else dict(zip(found.settings, gains.mean(axis=0).tolist(), strict=True)),
        worse={s: each.worse for s, each in shares.items() if each} if key[0] != ALONE else {},
        kilobytes=float(np.mean(kilobytes)) if kilobytes else None,
        gradients=float(np.mean([cost.gradients for cost in spent])) if spent else None,
        practical=None if gains is None else aggregates.practical(gains),
    )
