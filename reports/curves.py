"""Histories as lines to draw: our mean over seeds with its range, the published curve beside it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reports.compare import Row
from reports.load import Results, published_curves
from reports.names import data_label, method_label
from reports.statistics import Floats, smooth
from reports.tables import Setting, column_label, place, settings

PUBLISHED_WINDOW = 20
"""Rounds that the paper's forward mean spans; it evaluated in every one."""

METRICS = {"test_accuracy": "accuracy", "train_loss": "train_loss"}
UNITS = {"test_accuracy": "test accuracy (%)", "train_loss": "training loss (nats)"}
PAPER_SERIES = {
    "pfml_pm": ("pfml", "personal"),
    "pfml_gm": ("pfml", "global"),
    "pfedme_pm": ("pfedme", "personal"),
    "pfedme_gm": ("pfedme", "global"),
    "fedavg": ("fedavg", "global"),
}
REFERENCE = ("local", "personal")


class Line(NamedTuple):
    """A series to draw; y in percent (accuracy) or nats (loss).

    rounds, mean, low, high: (n,), low and high the smallest and largest over ``seeds`` seeds.
    paper: None or (rounds, values) of the published curve's vertices.
    """

    label: str
    algorithm: str
    scores: str
    seeds: int
    rounds: Floats
    mean: Floats
    low: Floats
    high: Floats
    paper: tuple[Floats, Floats] | None


class Panel(NamedTuple):
    """One pair of axes. window: the rounds that the forward mean of its lines spans."""

    title: str
    unit: str
    window: int
    partial: bool
    lines: list[Line]


class Distance(NamedTuple):
    """How far our line is from the published one, in the panel's unit.

    mean: of |Δ|. largest: the Δ of the largest |Δ|, at round ``at_round``. end: the Δ at
    ``until``, the last round that both lines reach.
    """

    panel: str
    series: str
    unit: str
    mean: float
    largest: float
    at_round: int
    end: float
    until: int


def panels(results: Results, rows: Sequence[Row]) -> list[Panel]:
    """The panels of the experiment's figure; for a table, or cells that the figure does not
    show, test accuracy in every setting.

    rows: those of ``compare.rows``; each that was run, and did not diverge, is a line. A
    published figure shows its own five series and local-only, other pictures every method.
    Lines beside published ones get the published smoothing, others the protocol's.
    """
    run = [row for row in rows if row.ours_mean is not None]
    columns = settings(run)
    if results.experiment.figure is not None:
        shown = {*PAPER_SERIES.values(), REFERENCE}
        found = []
        for setting, metric, title in _published_panels(results.experiment.figure):
            lines = [r for r in run if columns[r] == setting and (r.algorithm, r.scores) in shown]
            if lines:
                found.append(_panel(results, lines, setting, metric, title))
        if found:
            return found
    every = sorted(set(columns.values()), key=place)
    split = shared_variants(run)
    found = []
    for setting in every:
        here = [r for r in run if columns[r] == setting]
        title = column_label(setting, every)
        for variant in split or ("",):
            lines = [r for r in here if not split or r.variant == variant]
            name = f"{title}, {variant}" if split else title
            if lines:
                found.append(_panel(results, lines, setting, "test_accuracy", name, bool(split)))
    return found


def shared_variants(rows: Sequence[Row]) -> list[str]:
    """The values of a sweep that several methods share: each has panels of its own. Empty where
    only one method is swept, or each by other values."""
    found: dict[str, set[str]] = {}
    for row in rows:
        if row.ours_mean is not None:
            found.setdefault(row.algorithm, set()).add(row.variant)
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
            Setting(str(one["dataset"]), str(one["model"]), int(one["active_clients"]), None),
            str(one["metric"]),
            f"({one['panel']}) {data_label(str(one['dataset']), str(one['model']))}",
        )
        for one in drawn.to_dict("records")
    ]


def distances(found: Sequence[Panel]) -> list[Distance]:
    """Ours − published where both are drawn, line by line; at our rounds, theirs interpolated."""
    return [
        _distance(panel, line, line.paper)
        for panel in found
        for line in panel.lines
        if line.paper is not None and _shared(line, line.paper).any()
    ]


def _shared(line: Line, paper: tuple[Floats, Floats]) -> NDArray[np.bool_]:
    return np.asarray((line.rounds >= paper[0][0]) & (line.rounds <= paper[0][-1]), dtype=np.bool_)


def _distance(panel: Panel, line: Line, paper: tuple[Floats, Floats]) -> Distance:
    both = _shared(line, paper)
    rounds = line.rounds[both]
    gap = line.mean[both] - np.interp(rounds, *paper)
    worst = int(np.abs(gap).argmax())
    return Distance(
        panel.title,
        line.label,
        panel.unit,
        float(np.abs(gap).mean()),
        float(gap[worst]),
        int(rounds[worst]),
        float(gap[-1]),
        int(rounds[-1]),
    )


def _panel(
    results: Results,
    rows: Sequence[Row],
    setting: Setting,
    metric: str,
    title: str,
    one_variant: bool = False,
) -> Panel:
    """one_variant: the title says it, so that the lines need not."""
    published = {r: _published(results, r, setting, metric) for r in rows}
    overlaid = any(curve is not None for curve in published.values())
    window = PUBLISHED_WINDOW if overlaid else results.protocol.smoothing
    shortest = min(r.rounds or 0 for r in rows)
    window = window if shortest > window else 1
    names = {r: method_label(r.algorithm, r.scores, "" if one_variant else r.variant) for r in rows}
    lines = [_line(results, r, names[r], metric, window, published[r]) for r in rows]
    partial = any((r.rounds or 0) < (r.full_rounds or 0) for r in rows)
    return Panel(title, UNITS[metric], window, partial, [line for line in lines if line])


def _line(
    results: Results,
    row: Row,
    label: str,
    metric: str,
    window: int,
    paper: tuple[Floats, Floats] | None,
) -> Line | None:
    column = f"{row.scores}_{METRICS[metric]}"
    if row.cell is None or column not in results.histories:
        return None
    history = results.histories[results.histories["cell"] == row.cell]
    table = history.pivot(index="round", columns="seed", values=column).dropna()
    if table.empty:
        return None
    rounds = table.index.to_numpy(dtype=np.float64)
    spacing = results.cells[row.cell].evaluate_every
    span = -(-window // spacing)
    values = np.stack([smooth(table[seed], span) for seed in table]) * _scale(metric)
    if span > 1:
        rounds = rounds - spacing  # the paper draws the mean of evaluations r + 1 … at r
    # Short of the full length, the mirrored end has no published counterpart.
    short = (row.rounds or 0) < (row.full_rounds or 0)
    short = short or (paper is not None and rounds[-1] + spacing < paper[0][-1])
    kept = len(rounds) - (span - 1 if short else 0)
    shown = slice(int((rounds < 0).sum()), kept)
    return Line(
        label,
        row.algorithm,
        row.scores,
        values.shape[0],
        rounds[shown],
        values.mean(axis=0)[shown],
        values.min(axis=0)[shown],
        values.max(axis=0)[shown],
        paper,
    )


def _published(
    results: Results, row: Row, setting: Setting, metric: str
) -> tuple[Floats, Floats] | None:
    names = {series: name for name, series in PAPER_SERIES.items()}
    name = names.get((row.algorithm, row.scores))
    # In a table's picture, the variants of a sweep would share one published curve.
    crowded = row.variant and results.experiment.figure is None
    if name is None or crowded or setting.partition:
        return None
    curves = published_curves().query(
        "dataset == @s.dataset and model == @s.model and active_clients == @s.active_clients "
        "and metric == @metric and series == @name",
        local_dict={"s": setting, "metric": metric, "name": name},
    )
    if results.experiment.figure is not None:
        curves = curves[curves["figure"] == results.experiment.figure]
    if curves.empty:
        return None
    curves = curves[curves["figure"] == curves["figure"].iloc[0]].sort_values("round")
    return (
        curves["round"].to_numpy(dtype=np.float64),
        curves["value"].to_numpy(dtype=np.float64) * _scale(metric),
    )


def _scale(metric: str) -> float:
    return 100.0 if metric == "test_accuracy" else 1.0
