"""What a method costs: bytes, gradients and time per round, and until it equals local-only."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmark.store import Costs, column
from reports.names import method_rank
from reports.pictures import STYLE, look, save
from reports.results import Results
from reports.rows import Row, Runs
from reports.settings import column_label, sort_key

HEADINGS = (
    *("setting", "scores", "kB down", "kB up", "gradients", "at scoring", "s per round"),
    *("rounds to equal alone", "MB to equal alone"),
)
NOTE = (
    "Counted per client and round: bytes that a client downloads when it trains and uploads when "
    "it sends (float32; parts that do not change, stay at the client or follow from others are not "
    "sent), mini-batch gradients in training, and gradients that a personalised model needs after "
    "training. Seconds per round are measured on the machines that made the runs, evaluation "
    "included. To equal alone: rounds until the validation accuracy (the test accuracy where no "
    "data are kept for validation) first reaches the best one of local-only with the same seed, "
    "and megabytes that all clients have moved by then, up and down; means over seeds, if every "
    "seed gets there."
)


class Spent(NamedTuple):
    """Means over seeds until a method equals local-only."""

    rounds: float
    """Communication rounds."""
    megabytes: float
    """Megabytes that all clients have moved, up and down."""


def lines(results: Results) -> list[tuple[str, ...]]:
    """The table's rows as text: every row whose runs were counted, by setting."""
    return [line for row in _counted(results) if row.runs for line in _line(row, row.runs, results)]


def draw(results: Results, path: Path) -> list[Path]:
    """Accuracy against bytes moved: one PNG of all settings, and each alone as SVG.

    Nothing where no bytes are counted.
    """
    rows = [row for row in _counted(results) if row.runs and _megabytes(row.runs)]
    settings = sorted({row.setting for row in rows}, key=sort_key)
    if not settings:
        return []
    panels = {
        column_label(setting, results.columns): [row for row in rows if row.setting == setting]
        for setting in settings
    }
    with mpl.rc_context(STYLE):
        written = save(_arranged(panels, 5.6 * min(2, len(panels)), 5), path, ("png",))
        for number, (title, own) in enumerate(panels.items(), start=1):
            alone = path.with_name(f"{path.name}-{number}.svg")
            written += save(_arranged({title: own}, 5.6, 3), alone, ("svg",))
    return written


def _arranged(panels: Mapping[str, Sequence[Row]], wide: float, columns: int) -> Figure:
    """A panel per setting, up to two in a row, above one legend of ``columns`` columns."""
    across = min(2, len(panels))
    down = -(-len(panels) // across)
    lines = max(map(len, panels.values())) + 1
    high = 3.6 * down + 0.2 * -(-lines // columns) + 0.2
    figure = Figure(figsize=(wide, high), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for place, (title, rows) in zip(axes, panels.items(), strict=False):
        place.set_title(title)
        _draw_panel(place, rows)
    for unused in axes[len(panels) :]:
        unused.set_axis_off()
    handles = {
        label: handle
        for place in axes
        for handle, label in zip(*place.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=columns, frameon=False
    )
    return figure


def reached(accuracies: Mapping[int, pd.Series], targets: Mapping[int, float]) -> dict[int, int]:
    """The first round of each seed with at least the target accuracy; seeds without are left out.

    accuracies: by round.
    """
    found = {}
    for seed, target in targets.items():
        enough = accuracies[seed][accuracies[seed] >= target]
        if not enough.empty:
            found[seed] = int(enough.index[0])
    return found


def until_alone(ours: Runs, alone: Runs) -> Spent | str:
    """What it costs to equal local-only with the same seeds; in words if some seed never does."""
    own, other = _accuracies(ours), _accuracies(alone)
    targets = {seed: other[seed].max() for seed in own if seed in other}
    found = reached(own, targets)
    if not targets or len(found) < len(targets):
        return f"{len(found)} of {len(targets)} seeds" if found else "not reached"
    rounds = float(np.mean([round_ + 1 for round_ in found.values()]))
    return Spent(rounds, rounds * _megabytes(ours))


def _accuracies(runs: Runs) -> dict[int, pd.Series]:
    """Accuracies by round for each seed, on validation data where there are any."""
    found = {}
    for seed, history in runs.made.histories.items():
        names = [column(runs.scores, name) for name in ("validation_accuracy", "accuracy")]
        name = next((name for name in names if name in history), None)
        if name is not None:
            found[seed] = history.set_index("round")[name].dropna()
    return found


def _counted(results: Results) -> list[Row]:
    """A row per method and setting, of its personalised models where it has any."""
    found: dict[tuple[object, ...], Row] = {}
    for row in results.rows:
        if row.runs and not row.runs.diverged and counted(row.runs):
            key = row.setting, row.series.algorithm, row.series.swept
            if key not in found or row.series.scores == "personal":
                found[key] = row
    rows = list(found.values())
    rows.sort(key=lambda row: (sort_key(row.setting), *method_rank(row.series.algorithm)))
    return rows


def counted(runs: Runs) -> Costs | None:
    """The cost per client and round; None where the runs did not count it."""
    return next(iter(runs.made.runs.values())).costs


def _megabytes(runs: Runs) -> float:
    """Megabytes that all clients move in one round."""
    costs = counted(runs)
    return costs.bytes_of_round(runs.made.cell) / 1e6 if costs else 0.0


def _line(row: Row, runs: Runs, results: Results) -> list[tuple[str, ...]]:
    costs = counted(runs)
    if costs is None:
        return []
    return [
        (
            column_label(row.setting, results.columns),
            row.series.label,
            f"{costs.bytes_down / 1e3:.1f}",
            f"{costs.bytes_up / 1e3:.1f}",
            f"{costs.gradients}",
            f"{costs.personal_gradients}" if row.series.scores == "personal" else "0",
            f"{_seconds(runs):.3f}",
            *_until_alone(row, runs),
        )
    ]


def _seconds(runs: Runs) -> float:
    """Seconds per round and seed, evaluation included."""
    each = [
        history["seconds"].iloc[-1] / (1 + history["round"].iloc[-1]) / run.seeds_stacked
        for history, run in zip(runs.made.histories.values(), runs.made.runs.values(), strict=True)
    ]
    return float(np.mean(each))


def _until_alone(row: Row, runs: Runs) -> tuple[str, str]:
    if row.alone is None or row.series.algorithm == "local":
        return "–", "–"
    spent = until_alone(runs, row.alone)
    if isinstance(spent, str):
        return spent, "–"
    return f"{spent.rounds:.0f}", f"{spent.megabytes:.2f}"


def _draw_panel(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw a line per method, and local-only, which moves no bytes, as a horizontal line."""
    for row in rows:
        if row.runs is None:
            continue
        style = look(*row.series[:2])
        mean = 100 * pd.DataFrame(_accuracies(row.runs)).dropna().mean(axis=1)
        moved = (mean.index.to_numpy() + 1) * _megabytes(row.runs)
        axes.plot(moved, mean, ls=style.dashes, color=style.colour, lw=1.2, label=row.series.label)
    alone = next((row.alone for row in rows if row.alone), None)
    if alone is not None:
        best = 100 * np.mean([values.max() for values in _accuracies(alone).values()])
        axes.axhline(best, color="#8A8A8A", lw=1.5, label="Local-only's best")
    axes.set_xscale("log")
    axes.set_xlabel("megabytes moved by all clients, up and down")
    axes.set_ylabel("validation accuracy (%)")
