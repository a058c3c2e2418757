"""The commands ``run`` and ``reproduce``: train what is missing, then report."""

import shlex
import sys
from dataclasses import dataclass
from typing import Annotated

import typer

from benchmark.cli.options import (
    DataRoot,
    DeviceName,
    Download,
    Precision,
    ProfileName,
    RunsFolder,
    Selected,
)
from benchmark.cli.output import console
from benchmark.cli.report import write_report
from benchmark.errors import BenchmarkError
from benchmark.places import RUNS


@dataclass(frozen=True, kw_only=True)
class Making:
    """How runs are made."""

    jobs: Annotated[int, typer.Option(help="Processes. 0: one per core, but one on a GPU.")] = 0
    device: DeviceName = "auto"
    precision: Precision = "float32"
    data_root: DataRoot = None
    download: Download = False
    rerun: Annotated[bool, typer.Option(help="Train finished runs again.")] = False
    keep_older: Annotated[
        bool, typer.Option(help="Keep finished runs whose method's file has changed since.")
    ] = False
    checkpoint_every: Annotated[
        float, typer.Option(help="Seconds between two checkpoints. 0: one after every round.")
    ] = 60.0
    graphs: Annotated[bool, typer.Option(help="Record rounds on a GPU and replay them.")] = True
    ray: Annotated[
        str | None,
        typer.Option(help="Address of a Ray cluster that makes the runs, or auto."),
    ] = None


def run(selected: Selected, making: Making) -> None:
    """Train the missing runs of the experiments, print a table and write the report."""
    from benchmark.cli.progress import Display
    from benchmark.jobs.session import Means, prepare

    command = shlex.join(["python", "-m", "benchmark", *sys.argv[1:]])
    request = selected.request
    session = prepare(request, Means(store=selected.store, **vars(making)), command)
    if session.outdated:
        fate = "are kept" if making.keep_older else "are trained again (--keep-older keeps them)"
        console.print(f"runs by older versions of {', '.join(session.outdated)} {fate}")
    where = f"on the cluster {session.ray}"
    if not session.ray:
        where = f"on {session.settings.device}, {session.workers} at a time"
    console.print(f"{len(session.jobs)} jobs {where}; {session.finished} runs are there")
    with Display(console, session.jobs) as display:
        session.train(display.listen)
    write_report(
        request.experiments,
        selected.store,
        selected.store / "report",
        selected.profile,
        selected.protocol,
    )


def reproduce(
    what: Annotated[str, typer.Argument(help="paper: every table and figure of it.")] = "paper",
    profile: ProfileName = "paper",
    jobs: Annotated[int, typer.Option(help="Processes. 0: one per core, but one on a GPU.")] = 0,
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
