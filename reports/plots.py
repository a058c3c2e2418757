"""Drawing panels of lines: colours, direct labels, published curves on top, files."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import colors
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from reports.curves import Line, Panel
from reports.pictures import STYLE, look, save
from reports.statistics import Floats

POINTS = 200
"""Lines are thinned to at most this many points; more would not be visible."""
EARLY = 0.9
"""A line that ends before this share of the rounds is one of a shorter run: dots lead from its end
to its name."""

SETTLED = 0.05
"""The share of first rounds that vertical limits ignore."""


def draw(panels: Sequence[Panel], path: Path) -> list[Path]:
    """All panels in one PNG, two per row, and each alone in an SVG, ``PATH-1.svg`` and so on."""
    alone = [path.with_name(f"{path.name}-{n}.svg") for n in range(1, len(panels) + 1)]
    with mpl.rc_context(STYLE):
        (together,) = save(arranged(panels), path, ("png",))
    return [together, *map(draw_one, panels, alone)]


def arranged(panels: Sequence[Panel]) -> Figure:
    """One picture of all panels, two per row, in matplotlib's present style."""
    across = min(2, len(panels))
    down = -(-len(panels) // across)
    size = (5.6 * across, max(map(height, panels)) * down + 0.2)
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for place, panel in zip(axes, panels, strict=False):
        draw_panel(place, panel)
    for unused in axes[len(panels) :]:
        unused.set_axis_off()
    return figure


def height(panel: Panel) -> float:
    """Inches that leave room for the label of every line."""
    return max(3.6, 0.17 * len(panel.lines) + 0.6)


def draw_one(panel: Panel, path: Path) -> Path:
    """One panel alone, as SVG."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.6, height(panel)), layout="constrained")
        FigureCanvasAgg(figure)
        draw_panel(figure.subplots(), panel)
        return save(figure, path, ("svg",))[0]


def draw_panel(axes: Axes, panel: Panel) -> None:
    """Our lines with their range, the published ones thin and dashed, a label at each end."""
    end = max((line.rounds[-1] for line in panel.lines), default=1.0)
    end += panel.window > 1  # such lines are drawn a round early
    looks = [look(*line.series[:2]) for line in panel.lines]
    for line, (colour, dashes, width) in zip(panel.lines, looks, strict=True):
        at = thinned(len(line.rounds))
        rounds = line.rounds[at]
        axes.fill_between(rounds, line.low[at], line.high[at], color=colour, alpha=0.2, lw=0)
        axes.plot(
            rounds,
            line.mean[at],
            color=colour,
            lw=width,
            ls=dashes,
            zorder=2 if line.series.algorithm == "local" else 3,
            solid_capstyle="butt",
        )
        if line.paper is not None:
            axes.plot(*line.paper, color=_darker(colour, 0.5), lw=0.9, ls=(0, (4, 2)), zorder=4)
    axes.set(
        title=panel.title,
        xlabel="round",
        ylabel=panel.unit,
        xlim=(0, max(end, 1)),
        ylim=limits(panel.lines, end),
    )
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10], integer=True))
    _label_ends(axes, panel.lines, [each.colour for each in looks])


def thinned(n: int) -> NDArray[np.intp]:
    """Evenly spaced places in a line of n points, first and last among them."""
    return np.unique(np.linspace(0, n - 1, min(n, POINTS)).round().astype(np.intp))


def limits(lines: Sequence[Line], end: float) -> tuple[float, float]:
    """Vertical limits that show every line, ours and published, after the first rounds."""
    seen = []
    for line in lines:
        for rounds, values in ((line.rounds, line.mean), line.paper or (None, None)):
            if rounds is not None and values is not None:
                seen.append(values[(rounds >= SETTLED * end) & (rounds <= end)])
    values = np.concatenate([*seen, np.empty(0)])
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room


def spread(wanted: Floats, gap: float, low: float, high: float) -> Floats:
    """The places nearest to the wanted ones that are at least ``gap`` apart, in [low, high].

    wanted: (n,) in any order, which the result keeps. Solves least squares: after subtracting
    the gaps, an isotonic regression. Places that do not fit the range are spread evenly over it.
    """
    n = len(wanted)
    if n == 0:
        return wanted
    gap = min(gap, (high - low) / max(n - 1, 1))
    order = np.argsort(wanted, kind="stable")
    steps = gap * np.arange(n)
    fitted = np.clip(isotonic_regression(wanted[order] - steps).x, low, high - gap * (n - 1))
    places = np.empty(n)
    places[order] = fitted + steps
    return places


def _label_ends(axes: Axes, lines: Sequence[Line], shades: Sequence[str]) -> None:
    (_, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    ends = np.array([(line.mean[-1] - bottom) / (top - bottom) for line in lines], dtype=float)
    ends = np.clip(np.nan_to_num(ends), 0, 1)
    places = spread(ends, 0.058, 0.0, 1.0)
    for line, shade, at, to in zip(lines, shades, ends, places, strict=True):
        text, label = _darker(shade, 0.8), line.label
        if line.rounds[-1] < EARLY * right:
            label += ", partial"
            way = [line.rounds[-1], right], [line.mean[-1]] * 2
            axes.plot(*way, color=shade, lw=0.7, ls=(0, (1, 3)), zorder=1)
        axes.text(1.05, to, label, transform=axes.transAxes, va="center", size=8.5, color=text)
        leader = axes.plot([1, 1.04], [at, to], transform=axes.transAxes, color=shade, lw=0.7)
        leader[0].set_clip_on(False)


def _darker(shade: str, share: float) -> str:
    red, green, blue = colors.to_rgb(shade)
    return colors.to_hex((share * red, share * green, share * blue))
