"""The commands ``run`` and ``reproduce``: train missing runs, then report."""

from typing import Annotated

import typer

from benchmark.cli.making import Making, train
from benchmark.cli.options import DataRoot, ProfileName, RunsFolder, Selected
from benchmark.cli.report import pages_of, write_report
from benchmark.cli.tune import tune_all
from benchmark.errors import BenchmarkError
from benchmark.places import RUNS


def run(
    selected: Selected,
    making: Making,
    keep_models: Annotated[
        bool, typer.Option(help="Keep the final models of every run (see the command models).")
    ] = False,
) -> None:
    """Train the missing runs of the experiments, print a table and write the report."""
    from benchmark.jobs.choices import trials_to_make
    from benchmark.store import Store

    request = selected.request
    if trials := trials_to_make(request, Store(selected.store)):
        tune_all(trials, selected.store, making)
    train(request, selected.store, making, keep_models)
    write_report(
        request.experiments,
        selected.store,
        pages_of(selected.store, selected.profile),
        selected.profile,
        selected.protocol,
        request.methods,
    )


def reproduce(
    what: Annotated[str, typer.Argument(help="paper: all its tables and figures.")] = "paper",
    profile: ProfileName = "paper",
    jobs: Annotated[
        int, typer.Option(help="Number of processes. 0: one per core, or one on a GPU.")
    ] = 0,
    data_root: DataRoot = None,
    store: RunsFolder = RUNS,
) -> None:
    """Fetch missing data, train missing runs, and write every table and figure of the paper."""
    if what != "paper":
        raise BenchmarkError(f"reproduce {what}: allowed: paper (run takes any experiment)")
    run(
        Selected(experiments=[what], profile=profile, store=store),
        Making(jobs=jobs, data_root=data_root, download=True),
    )
