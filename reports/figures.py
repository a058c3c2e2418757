"""A picture for a paper: chosen series, format and style."""

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib import style as styles
from matplotlib.figure import Figure

from benchmark.errors import BenchmarkError, writing
from datasets.files import write_whole
from reports.curves import Line, Panel, panels
from reports.names import method_name
from reports.pictures import STYLE
from reports.plots import arranged
from reports.results import Results

FORMATS = ("pdf", "svg", "png", "eps", "pgf")


def figure(
    results: Results, path: Path, series: Sequence[str] = (), style: str | None = None
) -> Path:
    """Draw the curves of ``results`` at ``path``, whose suffix says the format.

    series: methods (``PFML``, ``pfml``) or single lines (``PFML (PM)``); empty: all. style: a
    matplotlib style, by name or file, on top of the pages' own. Raises BenchmarkError for an
    unknown format, series or style.
    """
    kind = path.suffix.removeprefix(".")
    if kind not in FORMATS:
        raise BenchmarkError(f"{path}: allowed: a name that ends in {', '.join(FORMATS)}")
    drawn = _only(panels(results), series)
    with mpl.rc_context(STYLE):
        if style is not None:
            _use(style)
        picture = arranged(drawn)
        empty = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}
        with mpl.rc_context({"svg.hashsalt": "report"}):
            content = _drawn(picture, kind, empty.get(kind))
    with writing(path):
        write_whole(path, content)
    return path


def _drawn(picture: Figure, kind: str, metadata: dict[str, None] | None) -> bytes:
    """The content of the file, drawn in memory: on a full disk matplotlib fails in its own way."""
    file = io.StringIO() if kind == "pgf" else io.BytesIO()
    try:
        picture.savefig(file, format=kind, metadata=metadata)
    except RuntimeError as error:  # pgf asks LaTeX for the widths of words
        raise BenchmarkError(f"--format {kind}: {' '.join(str(error).split())}") from None
    content = file.getvalue()
    return content.encode() if isinstance(content, str) else content


def _use(style: str) -> None:
    try:
        styles.use(style)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise BenchmarkError(f"--style {style}: no matplotlib style: {reason}") from None


def _only(every: Sequence[Panel], series: Sequence[str]) -> list[Panel]:
    lines = [line for panel in every for line in panel.lines]
    if not lines:
        raise BenchmarkError("no curves to draw: nothing was run, or all runs diverged")
    known = {name for line in lines for name in _names(line)}
    for name in series:
        if name.lower() not in known:
            shown = ", ".join(dict.fromkeys(line.label for line in lines))
            raise BenchmarkError(f"--series {name}: allowed here: methods or lines: {shown}")
    wanted = {name.lower() for name in series} or known
    kept = [p._replace(lines=[ln for ln in p.lines if _names(ln) & wanted]) for p in every]
    return [panel for panel in kept if panel.lines]


def _names(line: Line) -> set[str]:
    """What a line can be called, in lower case."""
    algorithm = line.series.algorithm
    return {line.label.lower(), algorithm, method_name(algorithm).lower()}
