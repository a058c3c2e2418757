"""How every picture looks, and how it becomes a file."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind readers can tell apart; local-only is a reference.
PALETTE = {
    ("pfml", "personal"): "#D55E00",
    ("pfml", "global"): "#E69F00",
    ("pfedme", "personal"): "#0072B2",
    ("pfedme", "global"): "#56B4E9",
    ("fedavg", "global"): "#009E73",
    ("perfedavg", "personal"): "#CC79A7",
    ("perfedavg", "global"): "#CC79A7",
    ("local", "personal"): "#8A8A8A",
}
OTHERS = ("#000000", "#882255", "#999933", "#332288")  # the last three: Paul Tol's muted
STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#666666",
    "axes.grid": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
}
DPI = 160
PATH_DATA = re.compile(r' d="[^"]*"')


def save(figure: Figure, path: Path, kinds: Iterable[str] = ("png", "svg")) -> list[Path]:
    """Write the figure at ``path``, one file a kind, without dates in them.

    A suffix of ``path`` that names a kind is replaced; others are part of the name.
    """
    stem = path.with_suffix("") if path.suffix in (".png", ".svg") else path
    path.parent.mkdir(parents=True, exist_ok=True)
    written = []
    for kind in kinds:
        written.append(stem.with_name(f"{stem.name}.{kind}"))
        empty = {"Date": None} if kind == "svg" else {"Software": None}
        with mpl.rc_context({"svg.hashsalt": "report"}):  # the same numbers give the same file
            figure.savefig(written[-1], dpi=DPI, metadata=empty, facecolor="white")
        figure.set_layout_engine("none")  # laid out once for all kinds
        if kind == "svg":
            text = written[-1].read_text(encoding="utf-8")
            written[-1].write_text(PATH_DATA.sub(_rounded, text), encoding="utf-8")
    return written


def _rounded(path: re.Match[str]) -> str:
    """Coordinates to a tenth of a point, no spaces that say nothing: less than half of the file."""
    text = re.sub(r"\d+\.\d+", lambda number: f"{float(number[0]):.1f}".removesuffix(".0"), path[0])
    return re.sub(r"\s*([MLQCZ])\s*", r"\1", text)
