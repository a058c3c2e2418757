"""What tuning tried and chose, as a picture: one line per method, one dot per trial."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmark.store.tuning import Tuned
from reports.names import data_label, method_label, setting_labels
from reports.pictures import STYLE, save

CHOSEN, OTHER = "#D55E00", "#8A8A8A"


def draw_tuning(tuned: Sequence[Tuned], path: Path) -> list[Path]:
    """One picture of the methods of one data set and model, the first at the top; PNG and SVG."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 0.28 * len(tuned) + 1.2), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        for place, each in enumerate(tuned):
            _draw_method(axes, place, each)
        axes.set_yticks(range(len(tuned)), [_label(each) for each in tuned])
        axes.set_ylim(len(tuned) - 0.4, -0.6)
        axes.set_xlabel("validation accuracy (%)")
        cell, trials = tuned[0].cell, max(len(each.trials) for each in tuned)
        axes.set_title(f"{data_label(cell.data.name, cell.model.name)}: {trials} trials per method")
        handles, labels = axes.get_legend_handles_labels()
        named = dict(zip(labels, handles, strict=True))
        figure.legend(
            named.values(), named.keys(), loc="outside lower center", ncols=3, frameon=False
        )
        return save(figure, path)


def _draw_method(axes: Axes, place: int, tuned: Tuned) -> None:
    """A dot per trial, a ring around the method's own settings, the chosen ones in words."""
    scores = [trial.accuracy for trial in tuned.trials]
    known = [100 * score for score in scores if score is not None]
    axes.plot(known, [place] * len(known), "o", color=OTHER, alpha=0.5, ms=4, label="tried")
    if scores[0] is not None:
        own = "the experiment's own settings"
        axes.plot(100 * scores[0], place, "o", mfc="none", mec="black", ms=8, label=own)
    if tuned.best.accuracy is not None:
        axes.plot(100 * tuned.best.accuracy, place, "o", color=CHOSEN, ms=5, label="chosen")
        words = ", ".join(f"{k} = {v}" for k, v in setting_labels(tuned.best.hyper).items())
        axes.annotate(
            words,
            (1.01, place),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=7,
            annotation_clip=False,
        )


def _label(tuned: Tuned) -> str:
    return method_label(tuned.cell.algorithm, tuned.scores)
