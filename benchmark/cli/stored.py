"""The commands ``status`` and ``verify``: list the runs of a store, and repeat some."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.options import DataRoot, DeviceName, Download, Precision, ResultsFolder, Selected
from benchmark.cli.output import console, table
from benchmark.cli.progress import duration
from benchmark.errors import BenchmarkError
from benchmark.places import COMMITTED

if TYPE_CHECKING:
    from benchmark.jobs.verification import Verification


def status(selected: Selected) -> None:
    """Show which runs are done, running, interrupted, failed or not begun, and the time left."""
    from benchmark.store import Store
    from benchmark.store.status import STATES, seconds_left, status_of
    from benchmark.store.tuning import settled_cells

    store = Store(selected.store)
    asked = selected.request.wanted(partial(settled_cells, store, untuned=True))
    wanted = {(cell.key, seed): (cell, seed) for cell, seeds in asked for seed in seeds}
    statuses = [status_of(cell, seed, store) for cell, seed in wanted.values()]
    shown = table("run", "seed", "state", "round", "", right=("seed", "round"))
    for run in statuses:
        if run.state not in ("done", "not begun"):
            at = f"{run.rounds}/{run.cell.rounds}"
            shown.add_row(run.cell.key, str(run.seed), run.state, at, run.note)
    if shown.row_count:
        console.print(shown)
    counts = {state: sum(run.state == state for run in statuses) for state in STATES}
    console.print(", ".join(f"{count} {state}" for state, count in counts.items() if count))
    seconds, unknown = seconds_left(statuses)
    if seconds:
        console.print(f"about {duration(seconds)} left for one process")
    if unknown:
        console.print(f"no estimate for {unknown} runs: no run of their kind is finished")


def verify(
    runs: Annotated[list[str], typer.Argument(help="Folders of runs, in the store or anywhere.")],
    rounds: Annotated[int, typer.Option(min=1, help="How many rounds to repeat.")] = 10,
    algorithm: Annotated[
        list[str] | None,
        typer.Option("--algorithm", help="Files of methods that are not built in."),
    ] = None,
    tolerance: Annotated[
        float, typer.Option(min=0.0, help="Largest accepted difference of a score. 0: equal bits.")
    ] = 0.0,
    device: DeviceName = "auto",
    precision: Precision = "float32",
    data_root: DataRoot = None,
    download: Download = False,
    store: ResultsFolder = COMMITTED,
) -> None:
    """Repeat stored runs and compare every score. Exit code 1 if any differs too much."""
    from benchmark.jobs.data import Source
    from benchmark.jobs.environment import device_of, precision_of, prepare_process
    from benchmark.jobs.request import files_by_name
    from benchmark.jobs.verification import verify as repeated
    from benchmark.store import is_run

    where, same = device_of(device), True
    methods = files_by_name(algorithm or ())
    prepare_process(1, precision_of(precision, where))
    for name in runs:
        folders = (Path(name), store / name)
        folder = next((f for f in folders if is_run(f)), None)
        if folder is None:
            raise BenchmarkError(f"{name}: no run in this folder, here or in {store}")
        outcome = repeated(folder, rounds, Source(data_root, download), where, methods)
        _show(name, outcome)
        same &= outcome.difference.within(tolerance)
    if not same:
        raise typer.Exit(1)


def _show(name: str, found: "Verification") -> None:
    """Print one line for equal bits; otherwise the first difference, its size and likely causes."""
    difference = found.difference
    if difference.first is None:
        console.print(f"{name}: {difference.evaluations} evaluations, the same bits")
        return
    console.print(f"{name}: {difference.evaluations} evaluations")
    console.print(f"  first differs at {difference.first}")
    console.print(f"  all accuracies agree: {'yes' if difference.accuracies_agree else 'no'}")
    for column, gap in difference.largest.items():
        console.print(f"  largest difference of {column}: {gap:.2g}")
    for change in found.changes:
        console.print(f"  changed since: {change}")
