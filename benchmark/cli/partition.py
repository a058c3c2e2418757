"""The command ``partition show``: who holds what."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmark.cli.exits import one_line_errors
from benchmark.cli.options import (
    DataRoot,
    Datasets,
    Download,
    ProfileName,
    Protocols,
    chosen,
    spans,
)
from benchmark.places import RUNS

MOST_COLUMNS = 20

partition_app = typer.Typer(no_args_is_help=True, help="Look at how data are shared out.")
console = Console(soft_wrap=True)


@partition_app.command()
@one_line_errors
def show(
    experiment: Annotated[str, typer.Argument(help="A name (see list) or a TOML file.")],
    dataset: Datasets = None,
    seed: Annotated[int, typer.Option(help="The run whose partition to show.")] = 0,
    profile: ProfileName = "paper",
    protocol: Protocols = None,
    data_root: DataRoot = None,
    download: Download = False,
    out: Annotated[Path, typer.Option(help="Folder for the heat maps.")] = RUNS / "partitions",
) -> None:
    """Print who holds how many samples of each class, and save it as a heat map."""
    import reports
    from benchmark.jobs.data import Source, arrays_of, partition_of

    shown = set()
    for cell, _ in chosen([experiment], profile, protocol, None, dataset):
        if (cell.data.name, cell.partition) in shown:
            continue
        shown.add((cell.data.name, cell.partition))
        arrays = arrays_of(cell.data, Source(data_root, download))
        partition = partition_of(cell.partition, arrays, seed)
        counts = partition.table(arrays.y, arrays.classes)
        few = arrays.classes <= MOST_COLUMNS
        title = f"{arrays.name}, {cell.partition.kind}, {partition.clients} clients"
        table = Table(title=title, box=None, padding=(0, 1, 0, 0))
        headings = map(str, range(arrays.classes)) if few else ["classes held"]
        for heading in ("client", *headings, "train", "test"):
            table.add_column(heading, justify="right", no_wrap=True)
        for client, row in enumerate(counts):
            sizes = len(partition.train[client]), len(partition.test[client])
            held = [str(n) if n else "·" for n in row] if few else [spans(row.nonzero()[0])]
            table.add_row(str(client), *held, *map(str, sizes))
        console.print(table)
        summary = partition.summary(arrays.y, arrays.classes)
        console.print(", ".join(f"{key} {value:g}" for key, value in summary.items()))
        path = out / f"{arrays.name}-{cell.partition.kind}-{partition.digest[:12]}.png"
        reports.partition_heatmap(counts, title, path)
        console.print(f"digest {partition.digest}\nheat map: {path}\n")
