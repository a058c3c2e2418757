"""What tuning tried and chose: a picture with one line per method, and tables of every trial."""

from collections.abc import Collection, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmark.spec import Cell, Scalar, profile_of
from benchmark.store.tuning import Trial, Tuned, tunings
from reports.names import data_label, method_label, method_rank, setting_labels
from reports.pictures import STYLE, save
from reports.results import Results

CHOSEN, OTHER = "#D55E00", "#8A8A8A"
HEADINGS = ("method", "own settings (%)", "chosen (%)", "chosen settings", "at an edge")
TRIAL_HEADINGS = ("method", "trial", "settings", "validation accuracy (%)", "")
NOTE = (
    "Accuracy on validation data, of the personalised models where a method has any: under the "
    "settings that the experiment starts from, which are every method's first trial, and under the "
    "chosen ones. At an edge: settings whose chosen value is the smallest or the greatest of those "
    "that the search proposed, so that a wider range or more trials might find a better one. All "
    "trials have one seed and one partition; no trial is reported."
)
CAPTION = (
    "Each dot is a trial; a ring marks the experiment's own settings, an orange dot the choice, "
    "with its settings beside it."
)


class Tuning(NamedTuple):
    """The tuning of all methods on one data set and model, as a page shows it."""

    title: str
    """``Digits, DNN``."""
    edges: str
    """How many choices lie at an edge, without a full stop."""
    budget: str
    """``8 trials per method``: all have the same number."""
    chosen: list[tuple[str, ...]]
    """A line per method."""
    trials: list[tuple[str, ...]]
    """A line per trial."""
    figures: list[Path]
    """The picture, as PNG and SVG."""


def tuned(results: Results) -> dict[tuple[str, str], list[Tuned]]:
    """The outcomes of tuning on each data set and model that has runs, the best method first.

    Empty where the experiment is not tuned.
    """
    if results.experiment.tuning is None:
        return {}
    run = {_problem(made.cell) for made in results.made.values()}
    size = profile_of(results.experiment, results.profile)
    names = sorted({made.cell.algorithm for made in results.made.values()})
    every = tunings(results.library.store, results.experiment, results.protocol, size, names)
    found = {each.cell.key: each for _, each in every if each and _problem(each.cell) in run}
    ordered = sorted(found.values(), key=_place)
    return {key: list(group) for key, group in groupby(ordered, lambda each: _problem(each.cell))}


def _problem(cell: Cell) -> tuple[str, str]:
    return cell.data.name, cell.model.name


def _place(each: Tuned) -> tuple[object, ...]:
    accuracy = each.best.accuracy or 0.0
    return *_problem(each.cell), -accuracy, method_rank(each.cell.algorithm)


def tuning(results: Results, path: Path) -> list[Tuning]:
    """The tuning of every data set and model that has runs; pictures at ``path`` and a suffix."""
    return [
        Tuning(
            title=data_label(*problem),
            edges=_edged(found),
            budget=f"{len(found[0].trials)} trials per method",
            chosen=chosen_lines(found),
            trials=trial_lines(found),
            figures=draw_tuning(found, Path(f"{path}-{'-'.join(problem)}")),
        )
        for problem, found in tuned(results).items()
    ]


def _edged(found: Sequence[Tuned]) -> str:
    count = sum(bool(edges(each)) for each in found)
    return f"{count} of {len(found)} methods have a chosen setting at an edge of the search"


def edges(tuned: Tuned) -> dict[str, str]:
    """Settings whose chosen value is the least or the greatest proposed: "least" or "greatest".

    Numbers only; none if the first trial, which nothing was proposed for, is the choice.
    """
    found = {}
    for name, value in tuned.best.hyper.items():
        values = {trial.hyper[name] for trial in tuned.trials if name in trial.hyper}
        ends = {min(values): "least", max(values): "greatest"} if _are_numbers(values) else {}
        if len(values) > 1 and value in ends:
            found[name] = ends[value]
    return found


def _are_numbers(values: Collection[Scalar]) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)


def chosen_lines(found: Sequence[Tuned]) -> list[tuple[str, ...]]:
    """A row per method: accuracies under its own and the chosen settings, and the latter."""
    return [
        (
            _label(each),
            _percent(each.trials[0].accuracy),
            _percent(each.best.accuracy),
            _settings(each.best),
            ", ".join(f"{k} ({end})" for k, end in setting_labels(edges(each)).items()) or "–",
        )
        for each in found
    ]


def trial_lines(found: Sequence[Tuned]) -> list[tuple[str, ...]]:
    """A row per trial, methods in the order of all pages."""
    return [
        (
            _label(each),
            f"{number}",
            _settings(trial),
            _percent(trial.accuracy),
            "chosen" if number == each.chosen + 1 else "",
        )
        for each in sorted(found, key=lambda one: method_rank(one.cell.algorithm))
        for number, trial in enumerate(each.trials, start=1)
    ]


def _settings(trial: Trial) -> str:
    words = (f"{name} = {value}" for name, value in setting_labels(trial.hyper).items())
    return ", ".join(words) or "the experiment's own"


def _percent(accuracy: float | None) -> str:
    return "diverged" if accuracy is None else f"{100 * accuracy:.2f}"


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
        axes.annotate(
            _settings(tuned.best),
            (1.01, place),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=7,
            annotation_clip=False,
        )


def _label(tuned: Tuned) -> str:
    return method_label(tuned.cell.algorithm, tuned.scores)
