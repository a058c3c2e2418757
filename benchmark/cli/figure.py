"""The command ``figure``: the curves of an experiment as a picture for a paper."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.options import ProfileName, ResultsFolder
from benchmark.cli.output import console
from benchmark.places import COMMITTED, RUNS


def figure(
    experiment: Annotated[str, typer.Argument(help="A name (see list) or a TOML file.")],
    series: Annotated[
        str, typer.Option(help="Methods or lines, separated by commas: PFML,FedAvg. Empty: all.")
    ] = "",
    format_: Annotated[str, typer.Option("--format", help="pdf, svg, png, eps or pgf.")] = "pdf",
    style: Annotated[
        str | None, typer.Option(help="A matplotlib style: its name or a .mplstyle file.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = RUNS / "figures",
    profile: ProfileName = "paper",
    protocol: Annotated[
        str | None, typer.Option(help="Protocol; by default the experiment's first one.")
    ] = None,
    store: ResultsFolder = COMMITTED,
) -> None:
    """Draw the curves of an experiment as a picture for a paper."""
    from benchmark import notebook

    path = notebook.plot(
        experiment,
        out / f"{Path(experiment).stem}.{format_}",
        series=[name.strip() for name in series.split(",") if name.strip()],
        style=style,
        profile=profile,
        protocol=protocol,
        store=store,
    )
    console.print(str(path))
