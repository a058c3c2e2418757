"""The commands ``partition show`` and ``partition export``: who holds what."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from benchmark.cli.options import DataRoot, Datasets, Download, ProfileName, Protocols
from benchmark.cli.output import console, table
from benchmark.errors import BenchmarkError, writing
from benchmark.jobs.request import LARGEST_SEED, Request, experiments_of
from benchmark.places import RUNS
from datasets import Arrays, Partition

MOST_COLUMNS = 20


def show(
    experiment: Annotated[str, typer.Argument(help="A name (see list) or a TOML file.")],
    dataset: Datasets = None,
    seed: Annotated[
        int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of the run whose partition to show.")
    ] = 0,
    profile: ProfileName = "paper",
    protocol: Protocols = None,
    data_root: DataRoot = None,
    download: Download = False,
    out: Annotated[Path, typer.Option(help="Folder for the heat maps.")] = RUNS / "partitions",
) -> None:
    """Print how many samples of each class every client holds, and save a heat map."""
    import reports
    from benchmark.jobs.data import Source, arrays_of, partition_of

    request = Request(
        experiments=experiments_of([experiment]),
        profile=profile,
        protocols=tuple(protocol or ()),
        datasets=tuple(dataset or ()),
    )
    for cell in {(c.data.name, c.partition): c for c, _ in request.wanted()}.values():
        arrays = arrays_of(cell.data, Source(data_root, download))
        partition = partition_of(cell.partition, arrays, seed)
        title = f"{arrays.name}, {cell.partition.label}"
        console.print(title)
        if arrays.labels:
            console.print(f"labels 0, 1, …: {', '.join(arrays.labels[:MOST_COLUMNS])}")
        console.print(_counts(partition, arrays))
        summary = partition.summary(arrays.y, arrays.classes)
        console.print(", ".join(f"{key} {value:g}" for key, value in summary.items()))
        path = out / f"{arrays.name}-{cell.partition.kind}-{partition.digest[:12]}.png"
        reports.partition_heatmap(partition.table(arrays.y, arrays.classes), title, path)
        console.print(f"digest {partition.digest}\nheat map: {path}\n")


def export(
    experiment: Annotated[str, typer.Argument(help="A name (see list) or a TOML file.")],
    out: Annotated[Path, typer.Option(help="Folder for the files.")],
    form: Annotated[str, typer.Option("--format", help="json or npz.")] = "json",
    dataset: Datasets = None,
    seeds: Annotated[str | None, typer.Option(help="How many seeds, or which (0,3).")] = None,
    profile: ProfileName = "paper",
    protocol: Protocols = None,
    data_root: DataRoot = None,
    download: Download = False,
) -> None:
    """Write index lists for other tools: each client's training, validation and test samples."""
    from benchmark.jobs.data import Source, arrays_of, partition_of

    if form not in ("json", "npz"):
        raise BenchmarkError(f"--format {form}: allowed: json, npz")
    request = Request(
        experiments=experiments_of([experiment]),
        profile=profile,
        protocols=tuple(protocol or ()),
        datasets=tuple(dataset or ()),
        seeds=seeds,
    )
    for cell, numbers in {(c.data.name, c.partition): (c, n) for c, n in request.wanted()}.values():
        arrays = arrays_of(cell.data, Source(data_root, download))
        for seed in numbers[:1] if cell.partition.is_fixed else numbers:
            made = partition_of(cell.partition, arrays, seed)
            name = f"{arrays.name}-{cell.partition.kind}-seed-{seed}-{made.digest[:12]}.{form}"
            with writing(out / name):
                made.save(out / name)
            console.print(f"{out / name}")


def _counts(partition: Partition, arrays: Arrays) -> Table:
    """A table of each client's samples per class; with many classes, which of them it holds."""
    few = arrays.classes <= MOST_COLUMNS
    headings = (
        "client",
        *(map(str, range(arrays.classes)) if few else ["classes held"]),
        "train",
        *(["validation"] if partition.validation else []),
        "test",
    )
    shown = table(*headings, right=headings)
    for client, row in enumerate(partition.table(arrays.y, arrays.classes)):
        own = (partition.train[client], *partition.validation[client : client + 1])
        sizes = [len(part) for part in (*own, partition.test_of(client))]
        held = [str(n) if n else "·" for n in row] if few else [spans(row.nonzero()[0])]
        shown.add_row(str(client), *held, *map(str, sizes))
    return shown


def spans(numbers: Iterable[int]) -> str:
    """Sorted numbers as text, with consecutive ones as a range: ``0-4, 7``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
