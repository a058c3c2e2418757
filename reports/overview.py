"""The opening of the report: every published number against ours, and three findings."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from reports.equivalence import REPRODUCED
from reports.local_only import verdict_words
from reports.names import DATASETS, method_name
from reports.pictures import PALETTE, STYLE, save
from reports.results import Results
from reports.rows import Row
from reports.settings import Series

Point = tuple[float, float]
ALONE = "#555555"
CAPTION = (
    "Each dot is one number of the paper's tables, against the mean of our runs, in percent of "
    "test accuracy; on the line both agree. Crosses: what training alone (local-only) reaches in "
    "place of PFML's personalised models."
)


def draw(tables: Sequence[Results], folder: Path) -> list[Path]:
    """``overview.png`` with a panel for each data set, and each panel alone as SVG."""
    panels = _panels([row for results in tables for row in results.rows])
    if not panels:
        return []
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.9 * len(panels), 4.3), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, len(panels), squeeze=False).ravel()
        for place, (name, rows) in zip(axes, panels.items(), strict=True):
            _panel(place, name, rows)
        handles, labels = _legend(axes)
        figure.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False)
        written = save(figure, folder / "overview", ("png",))
        for name, rows in panels.items():
            alone = Figure(figsize=(4.2, 4.6), layout="constrained")
            FigureCanvasAgg(alone)
            place = alone.subplots()
            _panel(place, name, rows)
            alone.legend(*_legend([place]), loc="outside lower center", ncols=2, frameon=False)
            written += save(alone, folder / f"overview-{name}", ("svg",))
    return written


def findings(tables: Sequence[Results]) -> list[str]:
    """The main findings, in at most three sentences."""
    rows = [row for results in tables for row in results.rows if row.published]
    run = [row for row in rows if row.difference is not None]
    if not run:
        return []
    return [_agreement(rows, run), _discrimination(rows), *_against_alone(tables)]


def _agreement(rows: Sequence[Row], run: Sequence[Row]) -> str:
    near = sum(abs(row.difference) <= 0.5 + 1e-9 for row in run if row.difference is not None)
    reproduced = [row for row in rows if row.verdict == REPRODUCED]
    predicted = [row for row in rows if not row.fitted]
    kept = sum(not row.fitted for row in reproduced)
    return (
        f"{near} of {len(run)} published numbers are met within half a point by our means, and "
        f"{len(reproduced)} of them are reproduced by an equivalence test; of the "
        f"{len(predicted)} numbers that no choice was made on, {kept} are."
    )


def _discrimination(rows: Sequence[Row]) -> str:
    reproduced = [row for row in rows if row.verdict == REPRODUCED]
    too = [row for row in reproduced if row.too]
    alone = sum("local" in row.too for row in too)
    return (
        f"{len(too)} of the {len(reproduced)} reproduced numbers would be reproduced by another "
        f"method's runs as well, {alone} by training alone: they say little about the method."
    )


def _against_alone(tables: Sequence[Results]) -> list[str]:
    """PFML against local-only where several seeds tell; nothing where none do."""
    words = {name: word for results in tables for name, word in verdict_words(results).items()}
    if not words:
        return []
    sides: dict[str, list[str]] = {}
    for name, word in words.items():
        sides.setdefault(word, []).append(name)
    texts = {
        "above": "is above training alone on",
        "below": "below it on",
        "open": "cannot be told from it on",
        "not robust": "differs from it only by the choice of the round on",
    }
    parts = [f"{text} {' and '.join(sides[word])}" for word, text in texts.items() if word in sides]
    return [f"PFML's personalised model {', '.join(parts)}; the paper has no such baseline."]


def _panels(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows with a published number and a full run, by data set."""
    found: dict[str, list[Row]] = {name: [] for name in DATASETS}
    for row in rows:
        if row.difference is not None:
            found.setdefault(row.setting.dataset, []).append(row)
    return {name: here for name, here in found.items() if here}


def _panel(axes: Axes, name: str, rows: Sequence[Row]) -> None:
    dots, crosses = _points(rows)
    ends = [value for points in (*dots.values(), crosses) for point in points for value in point]
    room = 0.06 * (max(ends) - min(ends)) or 1.0
    limits = min(ends) - room, max(ends) + room
    axes.plot(limits, limits, color="#999999", lw=0.9, zorder=1)
    for key, points in dots.items():
        shade = {"color": PALETTE.get(key, "#000000"), "edgecolor": "white", "linewidth": 0.4}
        _scatter(axes, points, label=Series(*key).name, s=26, zorder=3, **shade)
    if crosses:
        label = method_name("local")
        _scatter(axes, crosses, label=label, s=30, zorder=2, color=ALONE, marker="x", linewidth=1.1)
    axes.set(xlim=limits, ylim=limits, xlabel="published (%)", ylabel="ours (%)", aspect="equal")
    axes.set_title(DATASETS.get(name, name))


def _points(rows: Sequence[Row]) -> tuple[dict[tuple[str, str], list[Point]], list[Point]]:
    """Published and ours by method and score; published and local-only in PFML's place."""
    dots: dict[tuple[str, str], list[Point]] = {}
    crosses: list[Point] = []
    for row in rows:
        if row.published and row.ours:
            key = row.series.algorithm, row.series.scores
            dots.setdefault(key, []).append((row.published.mean, row.ours.mean))
            if row.alone and row.series.algorithm == "pfml":
                alone = float(row.alone.values[row.reduction].mean())
                crosses.append((row.published.mean, alone))
    return dots, crosses


def _scatter(axes: Axes, points: Sequence[Point], **style: Any) -> None:
    x, y = zip(*points, strict=True)
    axes.scatter(x, y, **style)


def _legend(axes: Iterable[Axes]) -> tuple[list[Artist], list[str]]:
    """Each label of the panels once."""
    found: dict[str, Artist] = {}
    for place in axes:
        for handle, label in zip(*place.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    return list(found.values()), list(found)
