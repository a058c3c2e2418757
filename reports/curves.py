"""Histories as lines to draw: our mean over seeds with its range, the published curve beside it."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from reports.names import data_label
from reports.published import published_curves
from reports.results import Results
from reports.rows import Row, Runs
from reports.settings import Series, Setting, column_label, sort_key
from reports.statistics import Floats, smooth

PUBLISHED_WINDOW = 20
"""Rounds that the paper's forward mean spans; it evaluated in every one."""

METRICS = {
    "test_accuracy": "accuracy",
    "validation_accuracy": "validation_accuracy",
    "train_loss": "train_loss",
}
UNITS = {
    "test_accuracy": "test accuracy (%)",
    "validation_accuracy": "validation accuracy (%)",
    "train_loss": "training loss (nats)",
}
PAPER_SERIES = {
    "pfml_pm": ("pfml", "personal"),
    "pfml_gm": ("pfml", "global"),
    "pfedme_pm": ("pfedme", "personal"),
    "pfedme_gm": ("pfedme", "global"),
    "fedavg": ("fedavg", "global"),
}
REFERENCE = ("local", "personal")
CROWDED = 12
"""Lines per panel above which some are left out: guests where numbers are published, elsewhere
global models of methods that have others."""


class Line(NamedTuple):
    """A series to draw; y in percent (accuracy) or nats (loss)."""

    series: Series
    """The method and its scores."""
    label: str
    """The series in words, without the swept settings that the panel's title has."""
    seeds: int
    """Number of seeds."""
    rounds: Floats
    """Shape (n,), as of ``mean``, ``low`` and ``high``."""
    mean: Floats
    """Over seeds."""
    low: Floats
    """The smallest over seeds."""
    high: Floats
    """The largest over seeds."""
    paper: tuple[Floats, Floats] | None
    """Rounds and values of the published curve's vertices; None where none is published."""


class Panel(NamedTuple):
    """One pair of axes."""

    setting: Setting
    """Data set, model and clients."""
    metric: str
    """``test_accuracy``, ``validation_accuracy`` or ``train_loss``."""
    title: str
    """The title above the axes."""
    window: int
    """Rounds that the forward mean of the lines spans."""
    is_partial: bool
    """True if a line is of runs shorter than the paper's."""
    lines: list[Line]
    """The lines to draw."""

    @property
    def unit(self) -> str:
        """The label of the vertical axis."""
        return UNITS[self.metric]


class Distance(NamedTuple):
    """How far our line is from the published one, in the panel's unit."""

    panel: str
    """The panel's title."""
    series: str
    """The line's label."""
    metric: str
    """The panel's metric."""
    mean: float
    """Mean |Δ| over our rounds."""
    largest: float
    """The Δ of the largest |Δ|."""
    at_round: int
    """The round of the largest |Δ|."""
    end: float
    """The Δ at the last round that both lines reach."""
    until: int
    """The last round that both lines reach."""


def panels(results: Results) -> list[Panel]:
    """The panels of the experiment's figure; for a table, or cells that the figure does not
    show, test accuracy in every setting.

    Each row that was run, and did not diverge, is a line. A published figure shows its own five
    series and local-only, other pictures every method, as far as there is room (CROWDED). Lines
    beside published ones get the published smoothing, others the protocol's.
    """
    is_crowded = len(results.rows) > CROWDED * len(results.columns)
    every = results.main_rows if is_crowded else results.rows
    if is_crowded and results.has_published:
        every = [row for row in every if not results.is_guest(row)]
    rows = [row for row in every if row.ours is not None]
    return _figure_panels(results, rows) or _setting_panels(results, rows)


def _figure_panels(results: Results, rows: Sequence[Row]) -> list[Panel]:
    """The panels that the paper drew; empty for a table."""
    if results.experiment.figure is None:
        return []
    shown = {*PAPER_SERIES.values(), REFERENCE}
    found = []
    for setting, metric, title in _published_panels(results.experiment.figure):
        lines = [row for row in rows if row.setting == setting and row.series[:2] in shown]
        if lines:
            found.append(_panel(results, lines, metric, title))
    return found


def _setting_panels(results: Results, rows: Sequence[Row]) -> list[Panel]:
    """Accuracy in every setting, split by the values of a sweep that methods share: on validation
    data if runs have any, otherwise on test data."""
    is_validated = any(
        row.runs and not row.runs.made.curve(row.series.scores, "validation_accuracy").empty
        for row in rows
    )
    metric = "validation_accuracy" if is_validated else "test_accuracy"
    settings = sorted({row.setting for row in rows}, key=sort_key)
    variants: list[str | None] = [*shared_variants(rows)]
    found = []
    for setting in settings:
        title = column_label(setting, settings)
        for variant in variants or [None]:
            lines = [
                row
                for row in rows
                if row.setting == setting and variant in (None, row.series.variant)
            ]
            name = title if variant is None else f"{title}, {variant}"
            if lines:
                found.append(_panel(results, lines, metric, name, variant is not None))
    return found


def shared_variants(rows: Sequence[Row]) -> list[str]:
    """The values of a sweep that several methods share; each value gets its own panels. Empty if
    only one method is swept, or methods by different values."""
    found: dict[str, set[str]] = {}
    for row in rows:
        if row.ours is not None:
            found.setdefault(row.series.algorithm, set()).add(row.series.variant)
    first, *others = found.values() or [{""}]
    several = len(first) > 1 and bool(others) and all(other == first for other in others)
    return sorted(first) if several else []


def _published_panels(figure: str) -> list[tuple[Setting, str, str]]:
    """Setting, metric and title of each panel that the paper drew."""
    curves = published_curves()
    axes = ["panel", "dataset", "model", "active_clients", "metric"]
    drawn = curves.loc[curves["figure"] == figure, axes].drop_duplicates()
    return [
        (
            Setting(str(panel["dataset"]), str(panel["model"]), int(panel["active_clients"]), None),
            str(panel["metric"]),
            f"({panel['panel']}) {data_label(str(panel['dataset']), str(panel['model']))}",
        )
        for panel in drawn.to_dict("records")
    ]


def distances(drawn: Sequence[Panel]) -> list[Distance]:
    """Ours − published for each line at our rounds; the published curve is interpolated."""
    found = (distance(panel, line) for panel in drawn for line in panel.lines)
    return [off for off in found if off is not None]


def distance(panel: Panel, line: Line) -> Distance | None:
    """Ours − published for one line; None if no round of it is published."""
    if line.paper is None:
        return None
    first, last = line.paper[0][0], line.paper[0][-1]
    shared = (line.rounds >= first) & (line.rounds <= last)
    if not shared.any():
        return None
    rounds = line.rounds[shared]
    gap = line.mean[shared] - np.interp(rounds, *line.paper)
    worst = int(np.abs(gap).argmax())
    return Distance(
        panel=panel.title,
        series=line.label,
        metric=panel.metric,
        mean=float(np.abs(gap).mean()),
        largest=float(gap[worst]),
        at_round=int(rounds[worst]),
        end=float(gap[-1]),
        until=int(rounds[-1]),
    )


def _panel(
    results: Results, rows: Sequence[Row], metric: str, title: str, has_one_variant: bool = False
) -> Panel:
    """has_one_variant: the title names the variant, so the lines need not."""
    setting = rows[0].setting
    curves = {row: _published(results, row, metric) for row in rows}
    overlaid = any(curve is not None for curve in curves.values())
    window = PUBLISHED_WINDOW if overlaid else results.protocol.smoothing
    runs = [row.runs for row in rows if row.runs]
    window = window if min(each.made.rounds for each in runs) > window else 1
    lines = []
    for row in rows:
        label = row.series.name if has_one_variant else row.series.label
        if row.runs and (line := _line(row.series, row.runs, label, metric, window, curves[row])):
            lines.append(line)
    return Panel(setting, metric, title, window, any(row.is_partial for row in rows), lines)


def _line(
    series: Series,
    runs: Runs,
    label: str,
    metric: str,
    window: int,
    paper: tuple[Floats, Floats] | None,
) -> Line | None:
    table = runs.made.curve(series.scores, METRICS[metric])
    if table.empty:
        return None
    rounds = table.index.to_numpy(dtype=np.float64)
    spacing = runs.made.cell.evaluate_every
    span = -(-window // spacing)
    values = np.stack([smooth(table[seed], span) for seed in table]) * _scale(metric)
    if span > 1:
        rounds = rounds - spacing  # the paper draws the mean of evaluations r + 1 … at r
    # Short of the full length, the mirrored end has no published counterpart.
    is_short = runs.is_partial or (paper is not None and rounds[-1] + spacing < paper[0][-1])
    kept = len(rounds) - (span - 1 if is_short else 0)
    shown = slice(int((rounds < 0).sum()), kept)
    mean, low, high = (statistic(values, axis=0)[shown] for statistic in (np.mean, np.min, np.max))
    return Line(series, label, values.shape[0], rounds[shown], mean, low, high, paper)


def _published(results: Results, row: Row, metric: str) -> tuple[Floats, Floats] | None:
    """The published curve beside a row: its rounds, and values in the unit of the panel."""
    names = {series: name for name, series in PAPER_SERIES.items()}
    setting, figure = row.setting, results.experiment.figure
    # In a table's picture, the variants of a sweep would share one published curve.
    is_crowded = bool(row.series.swept) and figure is None
    if row.series[:2] not in names or is_crowded or setting.partition:
        return None
    key = (*setting[:3], metric, names[row.series[:2]])
    figures = {f: each for (f, *rest), each in _curves().items() if tuple(rest) == key}
    found = figures.get(figure) if figure else next(iter(figures.values()), None)
    return None if found is None else (found[0], found[1] * _scale(metric))


@cache
def _curves() -> dict[tuple[object, ...], tuple[Floats, Floats]]:
    """Rounds and values by figure, data set, model, active clients, metric and series."""
    axes = ["figure", "dataset", "model", "active_clients", "metric", "series"]
    found = {}
    for key, curve in published_curves().groupby(axes, sort=False):
        ordered = curve.sort_values("round")
        found[key] = (
            ordered["round"].to_numpy(dtype=np.float64),
            ordered["value"].to_numpy(dtype=np.float64),
        )
    return found


def _scale(metric: str) -> float:
    return 100.0 if metric.endswith("accuracy") else 1.0
