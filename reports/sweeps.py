"""How scores depend on one setting: ours against the published numbers of a sweep."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from reports.equivalence import PRACTICAL
from reports.names import SCORES, SIGNS, data_label
from reports.pictures import PALETTE, STYLE, save
from reports.rows import SYMBOLS, Row

PUBLISHED = "#333333"
CENTRES = {"lam": 20.0, "beta": 2.0, "K": 3}
"""The values that a sweep varies about: those of the paper's other tables."""


class Line(NamedTuple):
    """Means over one setting, published or ours, with the ends of their intervals."""

    x: list[float]
    """Values of the swept setting."""
    mean: list[float]
    """A mean for each value, in percent."""
    low: list[float]
    """Lower ends of the intervals."""
    high: list[float]
    """Upper ends of the intervals."""


def swept(rows: Sequence[Row]) -> str | None:
    """The one symbol (``lam``, ``beta``, ``K``) that the published rows vary; None unless one."""
    points = [row for row in rows if row.published is not None and row.series.swept]
    varied = {
        symbol
        for symbol in SYMBOLS
        for _, group in groupby(sorted(points, key=_key), key=_key)
        if len({getattr(row.symbols, symbol) for row in group}) > 1
    }
    return varied.pop() if len(varied) == 1 else None


def draw(rows: Sequence[Row], symbol: str, path: Path) -> list[Path]:
    """A panel for every setting and score that the symbol varies in: our mean and 95 % interval,
    and the published value."""
    points = sorted((row for row in rows if row.published is not None), key=_key)
    groups = [list(group) for _, group in groupby(points, key=_key)]
    panels = [group for group in groups if len({getattr(row.symbols, symbol) for row in group}) > 1]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 2.6 * -(-len(panels) // 2) + 0.2), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(-(-len(panels) // 2), 2, squeeze=False).ravel()
        for place, group in zip(axes, panels, strict=False):
            _panel(place, sorted(group, key=lambda row: getattr(row.symbols, symbol)), symbol)
        for unused in axes[len(panels) :]:
            unused.set_axis_off()
        return save(figure, path)


def caption(protocol: str) -> str:
    """How to read the picture."""
    return (
        "Filled: our mean over seeds with its 95 % interval (none for a single seed). Hollow: the "
        f"published value. Each panel has its own scale. Protocol {protocol}."
    )


def shapes(rows: Sequence[Row]) -> list[str]:
    """How each sweep resembles the published one, in one to three sentences each."""
    ordered = sorted(rows, key=_key)
    groups = [list(group) for _, group in groupby(ordered, key=_key)]
    return [text for group in groups if (text := _shape_text(group))]


class Shape(NamedTuple):
    """How a sweep of ours resembles the published one."""

    span: float
    """Largest − smallest of our means, in percentage points."""
    published_span: float
    """Largest − smallest of the published means, in percentage points."""
    correlation: float | None
    """Pearson's r of our means and the published ones; None if either does not vary."""
    same_steps: int
    """Steps from one value to the next that go the published way."""
    steps: int
    """Steps in which the published numbers move."""
    near: int
    """Number of our means off the centre that are within PRACTICAL of the published ones."""
    centre_near: int
    """The same if the published number at the centre stood for all of them."""
    off_centre: int
    """Values off the centre."""


def shape(ours: Sequence[float], published: Sequence[float], centre: int | None) -> Shape:
    """The shape of a sweep: means in the order of its values; ``centre``: the place of the
    value that other tables use, None where the sweep lacks it."""
    x, y = np.asarray(ours, dtype=np.float64), np.asarray(published, dtype=np.float64)
    varies = len(x) > 2 and x.std() > 0 and y.std() > 0
    moves = np.sign(np.diff(y)) != 0
    same = np.sign(np.diff(x)) == np.sign(np.diff(y))
    off = np.arange(len(x)) != (-1 if centre is None else centre)
    quoted = y if centre is None else np.full(len(y), y[centre])
    return Shape(
        span=float(np.ptp(x)),
        published_span=float(np.ptp(y)),
        correlation=float(np.corrcoef(x, y)[0, 1]) if varies else None,
        same_steps=int((same & moves).sum()),
        steps=int(moves.sum()),
        near=int((np.abs(x - y)[off] <= PRACTICAL + 1e-9).sum()),
        centre_near=int((np.abs(quoted - y)[off] <= PRACTICAL + 1e-9).sum()),
        off_centre=int(off.sum()),
    )


def _shape_text(group: Sequence[Row]) -> str:
    """Empty where nothing varies, or a number has no run of full length."""
    here = [row for row in group if row.ours and row.published]
    varied = [s for s in SYMBOLS if len({getattr(row.symbols, s) for row in here}) > 1]
    if not varied or any(row.difference is None for row in here):
        return ""
    symbol = varied[0]
    here.sort(key=lambda row: getattr(row.symbols, symbol))
    values = [getattr(row.symbols, symbol) for row in here]
    centre = values.index(CENTRES[symbol]) if CENTRES[symbol] in values else None
    found = shape(
        [row.ours.mean for row in here if row.ours],
        [row.published.mean for row in here if row.published],
        centre,
    )
    setting, name = here[0].setting, here[0].series.name
    text = (
        f"{data_label(setting.dataset, setting.model)}, {name}: over {SIGNS.get(symbol, symbol)} "
        f"from {values[0]:g} to {values[-1]:g} our means lie within {found.span:.2f} pp of each "
        f"other, the published within {found.published_span:.2f} pp."
    )
    if found.correlation is not None:
        text += (
            f" They correlate by r = {found.correlation:.2f}".replace("-", "−")
            + f", and {found.same_steps} of {found.steps} steps go the published way."
        )
    if centre is not None:
        text += (
            f" Off the centre ({SIGNS.get(symbol, symbol)} = {CENTRES[symbol]:g}) "
            f"{found.near} of {found.off_centre} of ours are within {PRACTICAL:g} pp; the "
            f"published value at the centre, in place of ours, would be in {found.centre_near}."
        )
    return text


def _key(row: Row) -> tuple[str, str, int, str]:
    setting = row.setting
    return setting.dataset, setting.model, setting.active_clients or 0, row.series.scores


def _panel(axes: Axes, rows: Sequence[Row], symbol: str) -> None:
    first = rows[0]
    colour = PALETTE["pfml", first.series.scores]
    x = [getattr(row.symbols, symbol) for row in rows]
    published = [row.published.mean for row in rows if row.published]
    axes.plot(x, published, "D--", color=PUBLISHED, mfc="white", ms=5, lw=0.9, zorder=2)
    ours = _ours(rows, symbol)
    lengths = [
        [mean - low for mean, low in zip(ours.mean, ours.low, strict=True)],
        [high - mean for mean, high in zip(ours.mean, ours.high, strict=True)],
    ]
    axes.errorbar(
        ours.x, ours.mean, lengths, fmt="o-", color=colour, ms=5, lw=1.6, capsize=3, zorder=3
    )
    values = [*published, *ours.mean, *ours.low, *ours.high]
    middle, span = (max(values) + min(values)) / 2, max(max(values) - min(values), 0.3)
    axes.set_ylim(middle - 0.6 * span, middle + 0.6 * span)
    axes.set_xticks(x, [f"{value:g}" for value in x])
    reach = x[-1] - x[0]
    axes.set_xlim(x[0] - 0.06 * reach, x[-1] + 0.3 * reach)
    ends = [(published[-1], x[-1], "published", PUBLISHED)]
    if ours.mean:
        ends.append((ours.mean[-1], ours.x[-1], "ours", colour))
    _name_ends(axes, ends, 0.12 * span)
    setting = first.setting
    where = f"{data_label(setting.dataset, setting.model)}, {setting.active_clients} active"
    axes.set_title(f"{where}: {SCORES[first.series.scores]}")
    axes.set_xlabel(SIGNS.get(symbol, symbol))
    axes.set_ylabel("test accuracy (%)")


def _ours(rows: Sequence[Row], symbol: str) -> Line:
    """Our means; the interval of a single seed has no length."""
    line = Line([], [], [], [])
    for row in rows:
        if row.ours is not None:
            mean, low, high = row.ours.mean, row.ours.low, row.ours.high
            line.x.append(getattr(row.symbols, symbol))
            line.mean.append(mean)
            line.low.append(mean if low is None else low)
            line.high.append(mean if high is None else high)
    return line


def _name_ends(axes: Axes, ends: Sequence[tuple[float, float, str, str]], nearest: float) -> None:
    """Write each line's name at its end (value, x, name, colour), moved apart if they are near."""
    ordered = sorted(ends)
    are_near = len(ordered) > 1 and ordered[1][0] - ordered[0][0] <= nearest
    for place, (value, end, label, shade) in enumerate(ordered):
        axes.annotate(
            label,
            (end, value),
            (9, 6 * (2 * place - 1) if are_near else 0),
            textcoords="offset points",
            va="center",
            color=shade,
            fontsize=9,
        )
