"""How every picture looks, and how it becomes a file."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmark.errors import writing
from benchmark.places import algorithm_names

# Okabe and Ito's colours, which colour-blind readers can tell apart; local-only is a reference.
PALETTE = {
    ("pfml", "personal"): "#D55E00",
    ("pfml", "global"): "#E69F00",
    ("pfedme", "personal"): "#0072B2",
    ("pfedme", "global"): "#56B4E9",
    ("fedavg", "global"): "#009E73",
    ("fedavg", "personal"): "#009E73",
    ("perfedavg", "personal"): "#CC79A7",
    ("perfedavg", "global"): "#CC79A7",
    ("local", "personal"): "#8A8A8A",
}
"""The colours of the paper's methods."""
OTHERS = ("#332288", "#117733", "#882255", "#999933", "#44AA99", "#AA4499", "#000000")
"""Paul Tol's muted colours for the other methods, which differ from each other in dashes too."""
Dashes = tuple[int, tuple[float, ...]]
DASHES: tuple[Dashes, ...] = ((0, ()), (0, (6, 1.5)), (0, (1, 1)))
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


class Look(NamedTuple):
    """How the line of one method's scores is drawn; no two of the built-in methods look alike."""

    colour: str
    """A colour as matplotlib takes it."""
    dashes: Dashes
    """A line style of matplotlib's: offset, and lengths in points."""
    width: float
    """In points; global models are thinner where they share their method's colour."""


def look(algorithm: str, scores: str) -> Look:
    """The look of a method's scores, the same in every picture; a user's own method is black, in
    dashes that its name decides."""
    is_thin = scores == "global" and (algorithm, "personal") in PALETTE
    if (algorithm, scores) in PALETTE:
        colour = PALETTE[algorithm, scores]
        shares = is_thin and PALETTE[algorithm, "personal"] == colour
        width = 1.4 if algorithm == "local" or (shares and algorithm == "fedavg") else 2.0
        return Look(colour, DASHES[1] if shares and algorithm != "fedavg" else DASHES[0], width)
    others = [name for name in algorithm_names() if (name, "personal") not in PALETTE]
    if algorithm not in others:
        dashes = DASHES[sum(algorithm.encode()) % len(DASHES)]
        return Look(OTHERS[-1], dashes, 2.0 if scores == "personal" else 1.1)
    turn, place = divmod(others.index(algorithm), len(OTHERS) - 1)
    return Look(OTHERS[place], DASHES[turn % len(DASHES)], 2.0 if scores == "personal" else 1.1)


def save(figure: Figure, path: Path, kinds: Iterable[str] = ("png", "svg")) -> list[Path]:
    """Write the figure at ``path``, one file per kind, without dates in them.

    A suffix of ``path`` that names a kind is replaced; others are part of the name.
    """
    stem = path.with_suffix("") if path.suffix in (".png", ".svg") else path
    path.parent.mkdir(parents=True, exist_ok=True)
    written = []
    for kind in kinds:
        written.append(stem.with_name(f"{stem.name}.{kind}"))
        empty = {"Date": None} if kind == "svg" else {"Software": None}
        # The same numbers give the same file.
        with writing(written[-1]), mpl.rc_context({"svg.hashsalt": "report"}):
            figure.savefig(written[-1], dpi=DPI, metadata=empty, facecolor="white")
        figure.set_layout_engine("none")  # laid out once for all kinds
        if kind == "svg":
            text = written[-1].read_text(encoding="utf-8")
            with writing(written[-1]):
                written[-1].write_text(PATH_DATA.sub(_rounded, text), encoding="utf-8")
    return written


def _rounded(path: re.Match[str]) -> str:
    """Round coordinates to a tenth of a point and drop needless spaces: halves the file."""
    text = re.sub(r"\d+\.\d+", lambda number: f"{float(number[0]):.1f}".removesuffix(".0"), path[0])
    return re.sub(r"\s*([MLQCZ])\s*", r"\1", text)
