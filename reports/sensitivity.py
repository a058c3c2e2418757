"""How scores depend on one setting: ours against the published numbers of a sweep."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from reports.compare import SYMBOLS, Row
from reports.names import SCORES, data_label
from reports.names import SYMBOLS as SIGNS
from reports.plots import PALETTE, STYLE, save

PUBLISHED = "#333333"


def swept(rows: Sequence[Row]) -> str | None:
    """The one symbol (``lam``, ``beta``, ``K``) that the published rows vary; None if not one."""
    points = [row for row in rows if row.paper_mean is not None and row.variant]
    varied = {
        symbol
        for symbol in SYMBOLS
        for _, group in groupby(sorted(points, key=_setting), key=_setting)
        if len({getattr(row, symbol) for row in group}) > 1
    }
    return varied.pop() if len(varied) == 1 else None


def draw(rows: Sequence[Row], symbol: str, path: Path) -> list[Path]:
    """A panel for every setting and score that the symbol varies in: our mean and 95 % interval,
    and the published value."""
    points = sorted((row for row in rows if row.paper_mean is not None), key=_setting)
    groups = [list(group) for _, group in groupby(points, key=_setting)]
    panels = [group for group in groups if len({getattr(row, symbol) for row in group}) > 1]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 2.6 * -(-len(panels) // 2) + 0.2), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(-(-len(panels) // 2), 2, squeeze=False).ravel()
        for one, group in zip(axes, panels, strict=False):
            _panel(one, sorted(group, key=lambda row: getattr(row, symbol)), symbol)
        for unused in axes[len(panels) :]:
            unused.set_axis_off()
        return save(figure, path)


def caption(protocol: str) -> str:
    """How to read the picture."""
    return (
        "Filled: our mean over seeds with its 95 % interval (none of a single seed). Hollow: the "
        f"published value. Each panel has a scale of its own. Protocol {protocol}."
    )


def _setting(row: Row) -> tuple[str, str, int, str]:
    return row.dataset, row.model, row.active_clients or 0, row.scores


def _panel(axes: Axes, rows: Sequence[Row], symbol: str) -> None:
    first, sign = rows[0], SIGNS.get(symbol, symbol)
    colour = PALETTE["pfml", first.scores]
    x = [getattr(row, symbol) for row in rows]
    published = [row.paper_mean or 0.0 for row in rows]
    axes.plot(x, published, "D--", color=PUBLISHED, mfc="white", ms=5, lw=0.9, zorder=2)
    run = [row for row in rows if row.ours_mean is not None]
    at, ours = [getattr(row, symbol) for row in run], [row.ours_mean or 0.0 for row in run]
    low = [mean - (row.ours_low or mean) for mean, row in zip(ours, run, strict=True)]
    high = [(row.ours_high or mean) - mean for mean, row in zip(ours, run, strict=True)]
    axes.errorbar(at, ours, [low, high], fmt="o-", color=colour, ms=5, lw=1.6, capsize=3, zorder=3)
    values = published + [
        end for row in run for end in (row.ours_mean, row.ours_low, row.ours_high) if end
    ]
    middle, span = (max(values) + min(values)) / 2, max(max(values) - min(values), 0.3)
    axes.set_ylim(middle - 0.6 * span, middle + 0.6 * span)
    axes.set_xticks(x, [f"{value:g}" for value in x])
    reach = x[-1] - x[0]
    axes.set_xlim(x[0] - 0.06 * reach, x[-1] + 0.3 * reach)
    ends = [(published[-1], x[-1], "published", PUBLISHED)]
    if run:
        ends.append((ours[-1], at[-1], "ours", colour))
    ends.sort()
    apart = len(ends) < 2 or ends[1][0] - ends[0][0] > 0.12 * span
    for place, (value, end, label, shade) in enumerate(ends):
        shift = 0 if apart else 6 * (2 * place - 1)
        axes.annotate(
            label,
            (end, value),
            (9, shift),
            textcoords="offset points",
            va="center",
            color=shade,
            fontsize=9,
        )
    where = f"{data_label(first.dataset, first.model)}, {first.active_clients} active"
    axes.set_title(f"{where}: {SCORES[first.scores]}")
    axes.set_xlabel(sign)
    axes.set_ylabel("test accuracy (%)")
