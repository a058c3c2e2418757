"""The command ``tune``: choose the settings of every method on validation data."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.making import Making, train
from benchmark.cli.options import Selected
from benchmark.cli.output import console, table
from benchmark.errors import BenchmarkError

if TYPE_CHECKING:
    from benchmark.jobs.tuning import Trials
    from benchmark.store.tuning import Tuned


def tune(
    selected: Selected,
    making: Making,
    trials: Annotated[
        int | None,
        typer.Option(
            min=1, max=1000, help="Settings to try per method; by default as the experiment says."
        ),
    ] = None,
) -> None:
    """Choose every method's settings on validation data, with the same number of trials each."""
    from benchmark.jobs.tuning import Trials

    if selected.seeds is not None or selected.seed is not None:
        raise BenchmarkError("--seeds: not allowed here; trials have the tuning seed")
    tune_all(Trials(selected.request, trials), selected.store, making)


def tune_all(trials: "Trials", store: Path, making: Making) -> None:
    """Make the missing trials; store, print and draw the outcome of each complete search."""
    from benchmark.jobs.tuning import choose
    from benchmark.store import Store

    place = Store(store)
    try:
        train(trials, store, making)
    finally:
        complete = [search for search in trials.searches() if search.is_complete(place)]
        _show([choose(search, place) for search in complete], store)


def _show(found: list["Tuned"], store: Path) -> None:
    import reports

    for (experiment, problem), group in _by_problem(found):
        tuned = list(group)
        best = sorted(tuned, key=lambda each: -(each.best.accuracy or 0))
        console.print(f"{experiment}, {problem}: {len(tuned[0].trials)} trials per method")
        shown = table("method", "own settings", "best", "chosen", right=("own settings", "best"))
        for each in best:
            chosen = ", ".join(f"{k} = {v}" for k, v in each.best.hyper.items())
            shown.add_row(
                each.cell.algorithm,
                _percent(each.trials[0].accuracy),
                _percent(each.best.accuracy),
                chosen or "its own settings",
            )
        console.print(shown)
        name = f"tuning-{experiment}-{problem.replace('/', '-')}"
        for path in reports.draw_tuning(best, store / "report" / "figures" / name):
            console.print(str(path))


def _by_problem(found: list["Tuned"]) -> Iterator[tuple[tuple[str, str], Iterator["Tuned"]]]:
    def key(tuned: "Tuned") -> tuple[str, str]:
        return tuned.experiment, f"{tuned.cell.data.name}/{tuned.cell.model.name}"

    return groupby(sorted(found, key=key), key)


def _percent(accuracy: float | None) -> str:
    return "diverged" if accuracy is None else f"{100 * accuracy:.2f}"
