"""The client × class table of a partition as a picture."""

from pathlib import Path

import numpy as np
import seaborn as sns
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reports.pictures import save

NUMBERED = 20
"""Up to this many clients and classes, each field shows its count."""


def partition_heatmap(table: NDArray[np.integer], title: str, path: Path) -> list[Path]:
    """Draw how many samples of each class each client holds; returns the PNG and the SVG.

    table: (clients, classes) counts, none negative, at least one client and class. path:
    where to write; a suffix .png or .svg is taken off. Colour is logarithmic, as the sizes
    of clients often span decades; counts of zero are left blank.
    """
    clients, classes = table.shape
    numbered = max(clients, classes) <= NUMBERED
    wide, high = (0.62, 0.3) if numbered else (0.4 if classes <= 20 else 0.12, 0.11)
    size = (max(2.4 + classes * wide, 4.0), max(1.5 + clients * high, 2.4))
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    sns.heatmap(
        table,
        ax=axes,
        cmap="crest",
        mask=table == 0,
        norm=LogNorm(vmin=1, vmax=10 ** max(1, len(str(int(table.max()) - 1)))),
        annot=table if numbered else None,
        fmt="d",
        annot_kws={"size": 8},
        linewidths=0.5 if numbered else 0,
        linecolor="white",
        yticklabels=1 if clients <= NUMBERED else 10,
        xticklabels=1 if classes <= NUMBERED else 10,
        cbar_kws={"label": "samples", "format": "%d"},
    )
    axes.set_facecolor("#f2f2f2")
    axes.set(title=title, xlabel="class", ylabel="client")
    axes.tick_params(axis="both", labelrotation=0, length=0)
    return save(figure, path)
