"""Make runs while showing progress; the commands ``run`` and ``tune`` share this."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.options import DataRoot, DeviceName, Download, Precision
from benchmark.cli.output import console

if TYPE_CHECKING:
    from benchmark.jobs.request import Request
    from benchmark.jobs.tuning import Trials


@dataclass(frozen=True, kw_only=True)
class Making:
    """Options that say how runs are made."""

    jobs: Annotated[
        int, typer.Option(help="Number of processes. 0: one per core, or one on a GPU.")
    ] = 0
    device: DeviceName = "auto"
    precision: Precision = "float32"
    data_root: DataRoot = None
    download: Download = False
    rerun: Annotated[bool, typer.Option(help="Train finished runs again.")] = False
    keep_older: Annotated[
        bool, typer.Option(help="Keep finished runs whose method's file has changed since.")
    ] = False
    checkpoint_every: Annotated[
        float, typer.Option(help="Seconds between checkpoints. 0: after every round.")
    ] = 60.0
    graphs: Annotated[
        bool, typer.Option(help="On a GPU, record rounds as CUDA graphs and replay them.")
    ] = True
    time_limit: Annotated[
        str | None,
        typer.Option(help="Save and stop after 90s, 9m or 1h30m; the same command continues."),
    ] = None
    ray: Annotated[
        str | None,
        typer.Option(help="Address of a Ray cluster that makes the runs, or auto."),
    ] = None


def train(
    request: "Request | Trials", store: Path, making: Making, keep_models: bool = False
) -> None:
    """Train the missing runs of a request and show progress."""
    from benchmark.cli.progress import Display
    from benchmark.jobs.session import Means, prepare

    command = shlex.join(["python", "-m", "benchmark", *sys.argv[1:]])
    means = Means(store=store, keep_models=keep_models, **vars(making))
    session = prepare(request, means, command)
    if session.outdated:
        fate = "are kept" if making.keep_older else "are trained again (--keep-older keeps them)"
        console.print(f"runs by older versions of {', '.join(session.outdated)} {fate}")
    if session.without_models:
        console.print(f"{session.without_models} runs kept no models and are trained again")
    where = f"on the cluster {session.ray}"
    if not session.ray:
        where = f"on {session.settings.device}, {session.workers} at a time"
    console.print(f"{len(session.jobs)} jobs {where}; {session.finished} runs are there")
    with Display(console, session.jobs) as display:
        session.train(display.listen)
