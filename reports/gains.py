"""Pictures of all methods across settings: gains over training alone, and clients."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmark.store import column
from reports import aggregates
from reports.across import Standing, Table
from reports.names import method_label
from reports.pictures import STYLE, look, save
from reports.rows import Row
from reports.settings import Setting, short_labels
from reports.statistics import Floats

GAINS_CAPTION = (
    "After each name: its mean rank. In each place: the mean gain over training alone in "
    "percentage points, and in brackets the share of clients that are worse off than alone. Blue: "
    "above; red: below; colours end at ±10 pp."
)
CLIENTS_CAPTION = (
    "The share of clients whose test accuracy at the last round, or the one chosen on validation "
    "data, is above the value on the horizontal axis, over all settings and seeds. A line further "
    "up and to the right serves more clients better."
)
SPAN = 10.0
"""Percentage points at which colours end."""


def draw_gains(found: Table, every: Sequence[Standing], path: Path) -> list[Path]:
    """Methods down, settings across, a gain in each field; PNG and SVG. Empty without alone."""
    rivals = [one for one in every if one.gains]
    if not rivals:
        return []
    labels = short_labels(found.settings)
    gains = pd.DataFrame([[one.gains[s] for s in found.settings] for one in rivals])
    words = [[_words(one, setting) for setting in found.settings] for one in rivals]
    with mpl.rc_context(STYLE):
        size = (1.7 + 1.05 * len(found.settings), 0.8 + 0.25 * len(rivals))
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        sns.heatmap(
            gains.clip(-SPAN, SPAN),
            ax=axes,
            cmap=sns.diverging_palette(20, 240, s=80, l=55, as_cmap=True),
            vmin=-SPAN,
            vmax=SPAN,
            annot=pd.DataFrame(words),
            fmt="",
            annot_kws={"size": 8},
            linewidths=0.6,
            linecolor="white",
            cbar=False,
            xticklabels=[fill(labels[setting], 14) for setting in found.settings],
            yticklabels=[
                f"{method_label(one.algorithm, one.scores)}  {one.rank:.1f}" for one in rivals
            ],
        )
        axes.tick_params(axis="both", labelrotation=0, length=0, labeltop=True, labelbottom=False)
        axes.grid(visible=False)
        return save(figure, path)


def _words(one: Standing, setting: Setting) -> str:
    share = one.worse.get(setting)
    text = f"{round(one.gains[setting], 1) + 0.0:+.1f}".replace("-", "−")
    return text if share is None else f"{text} ({share:.0f} %)"


def draw_clients(found: Table, path: Path) -> list[Path]:
    """The performance profile over clients, a line per method; PNG and SVG."""
    thresholds = np.linspace(0, 100, 201)
    clients = {key: _clients(rows) for key, rows in found.rows.items() if key in found.values}
    clients = {key: values for key, values in clients.items() if values.size}
    if not clients:
        return []
    lowest = min(float(np.quantile(values, 0.02)) for values in clients.values())
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 5.2), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        for key, values in clients.items():
            style = look(*key)
            shares = 100 * aggregates.profile(values, thresholds)
            axes.plot(
                thresholds, shares, color=style.colour, ls=style.dashes, label=method_label(*key)
            )
        axes.set(xlabel="test accuracy of a client (%)", ylabel="clients above (%)")
        axes.set(xlim=(min(10 * (lowest // 10), 90), 100), ylim=(0, 101))
        figure.legend(loc="outside lower center", frameon=False, fontsize=8, ncols=4)
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
