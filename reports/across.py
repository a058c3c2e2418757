"""All methods across the settings of an experiment that deals its data in several ways."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmark.store import column
from reports import aggregates
from reports.aggregates import Estimate, Practical
from reports.equivalence import PRACTICAL
from reports.names import method_label, method_rank
from reports.pictures import STYLE, look, save
from reports.results import Results
from reports.rows import Row
from reports.settings import Setting, signed
from reports.statistics import Floats

ALONE, TUNED = "local", "fedavg"
"""Training alone, and FedAvg, which its clients fine-tune where it has personal scores."""
HEADINGS = (
    *("method", "mean rank", "IQM of the gain over alone (pp)", "P(above alone)"),
    *("P(above fine-tuned FedAvg)", "settings above alone", "below", "practically, against alone"),
)
NOTE = (
    "Each method by its personalised models, or by its global model if it has no others, in the "
    "settings that every method listed has run. Mean rank: over settings, 1 is the best; with few "
    "settings ranks tell little. IQM: the mean of the middle half of all gains, over settings and "
    "seeds, in percentage points. P(above …): the chance that one run is above another of the same "
    "setting, 0.5 if they are alike. In brackets: 95 % intervals of a bootstrap over seeds within "
    "each setting; they cover what a seed changes, not which settings were chosen, nor the luck of "
    "the test samples. Settings above or below: those whose mean gain is beyond "
    f"{PRACTICAL:g} pp. Practically: what at least {100 * aggregates.CERTAIN:g} % of a bootstrap "
    f"over settings and seeds agrees on, with a region of ±{PRACTICAL:g} pp that counts as equal; "
    "no answer from fewer than three seeds."
)
CAPTION = (
    "The share of clients whose test accuracy at the last round, or the one chosen on validation "
    "data, is above the value on the horizontal axis, over all settings and seeds. A line further "
    "up and to the right serves more clients better."
)


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
    wins: int
    """Settings whose mean gain over local-only is above PRACTICAL."""
    losses: int
    """Settings whose mean gain is below −PRACTICAL."""
    practical: Practical | None


class Table(NamedTuple):
    """What all methods listed have run: arrays of (seeds, settings), in percent."""

    settings: list[Setting]
    values: dict[tuple[str, str], Floats]
    rows: dict[tuple[str, str], list[Row]]


def is_across(results: Results) -> bool:
    """True if the experiment deals the same data in several ways."""
    return any(setting.partition for setting in results.columns)


def table(results: Results) -> Table:
    """Each method's scores in the settings and over the seeds that most methods share."""
    chosen: dict[tuple[str, str], dict[Setting, Row]] = {}
    has_personal = {
        row.series.algorithm for row in results.rows if row.ours and row.series.scores == "personal"
    }
    for row in results.rows:
        wanted = "personal" if row.series.algorithm in has_personal else "global"
        if row.ours and not row.is_partial and row.series.scores == wanted:
            key = row.series.algorithm, wanted
            chosen.setdefault(key, {}).setdefault(row.setting, row)
    most = max((len(found) for found in chosen.values()), default=0)
    complete = {key: found for key, found in chosen.items() if len(found) == most}
    settings = [s for s in results.columns if all(s in found for found in complete.values())]
    rows = {key: [found[setting] for setting in settings] for key, found in complete.items()}
    seeds = _common_seeds([row for each in rows.values() for row in each])
    values = {
        key: np.array(
            [row.runs.values.loc[seeds, row.reduction] for row in each if row.runs]
        ).T.reshape(len(seeds), -1)
        for key, each in rows.items()
    }
    return Table(settings, values if settings and seeds else {}, rows)


def _common_seeds(rows: Sequence[Row]) -> list[int]:
    known = [set(row.runs.values.index) for row in rows if row.runs]
    return sorted(set.intersection(*known)) if known else []


def standings(found: Table) -> list[Standing]:
    """The methods, the best mean rank first."""
    if not found.values:
        return []
    ranks = aggregates.mean_ranks(np.array([v.mean(axis=0) for v in found.values.values()]))
    alone = found.values.get((ALONE, "personal"))
    tuned = found.values.get((TUNED, "personal"))
    standing = partial(_standing, alone=alone, tuned=tuned)
    every = [
        standing(key, rank=float(rank), ours=ours)
        for (key, ours), rank in zip(found.values.items(), ranks, strict=True)
    ]
    return sorted(every, key=lambda one: (one.rank, method_rank(one.algorithm)))


def _standing(
    key: tuple[str, str], rank: float, ours: Floats, alone: Floats | None, tuned: Floats | None
) -> Standing:
    others = alone if key[0] != ALONE else None
    gains = None if others is None else ours - others
    means = np.zeros(0) if gains is None else gains.mean(axis=0)
    improvement = aggregates.probability_of_improvement
    return Standing(
        *key,
        rank=rank,
        gain=None if gains is None else aggregates.stratified(aggregates.interquartile_mean, gains),
        above_alone=None if others is None else aggregates.stratified(improvement, ours, others),
        above_tuned=None
        if tuned is None or key[0] == TUNED
        else aggregates.stratified(improvement, ours, tuned),
        wins=int((means > PRACTICAL).sum()),
        losses=int((means < -PRACTICAL).sum()),
        practical=None if gains is None else aggregates.practical(gains),
    )


def finding(found: Table, every: Sequence[Standing]) -> str:
    """The page's first sentence: who ranks first, and whom training alone beats."""
    if not every:
        return ""
    best = every[0]
    seeds = len(next(iter(found.values.values())))
    text = (
        f"Over {len(found.settings)} settings and {seeds} seeds {_label(best)} has the best mean "
        f"rank, {best.rank:.1f} of {len(every)}"
    )
    words = {"better": "practically better than", "worse": "practically worse than"}
    for word, phrase in words.items():
        names = [_label(one) for one in every if one.practical and one.practical.word == word]
        text += f"; {phrase} training alone: {', '.join(names) or 'none'}"
    return text + "."


def lines(every: Sequence[Standing]) -> list[tuple[str, ...]]:
    """The table's rows as text."""
    return [
        (
            _label(one),
            f"{one.rank:.2f}",
            _estimate(one.gain, is_signed=True),
            _estimate(one.above_alone),
            _estimate(one.above_tuned),
            "–" if one.gain is None else f"{one.wins}",
            "–" if one.gain is None else f"{one.losses}",
            one.practical.word if one.practical else "–",
        )
        for one in every
    ]


def draw(found: Table, path: Path) -> list[Path]:
    """The performance profile over clients, a line per method; PNG and SVG."""
    thresholds = np.linspace(0, 100, 201)
    clients = {key: _clients(rows) for key, rows in found.rows.items() if key in found.values}
    clients = {key: values for key, values in clients.items() if values.size}
    if not clients:
        return []
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.6), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        for key, values in clients.items():
            style = look(*key)
            shares = 100 * aggregates.profile(values, thresholds)
            axes.plot(
                thresholds, shares, color=style.colour, ls=style.dashes, label=method_label(*key)
            )
        axes.set(xlabel="test accuracy of a client (%)", ylabel="clients above (%)")
        axes.set(xlim=(0, 100), ylim=(0, 101))
        figure.legend(loc="outside right center", frameon=False, fontsize=8)
        return save(figure, path)


def _clients(rows: Sequence[Row]) -> Floats:
    """Accuracies at the last or the chosen round of all clients, settings and seeds, in percent."""
    parts = [
        100 * table[name].to_numpy(dtype=np.float64)
        for row in rows
        if row.runs
        for name in [column(row.series.scores, "accuracy")]
        for table in row.runs.made.clients.values()
        if name in table
    ]
    return np.concatenate([*parts, np.empty(0)])


def _label(one: Standing) -> str:
    return method_label(one.algorithm, one.scores)


def _estimate(found: Estimate | None, *, is_signed: bool = False) -> str:
    if found is None:
        return "–"
    value, low, high = (signed(x) if is_signed else f"{x:.2f}" for x in found)
    return f"{value} [{low}, {high}]"
