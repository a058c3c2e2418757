"""The command ``export``: the numbers behind the pages, as files for other tools."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.options import Reported
from benchmark.cli.output import console
from benchmark.errors import BenchmarkError
from benchmark.places import RUNS

if TYPE_CHECKING:
    import pandas as pd


def export(
    reported: Reported,
    format_: Annotated[
        str, typer.Option("--format", help="csv, parquet, json or tensorboard.")
    ] = "csv",
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = RUNS / "export",
) -> None:
    """Write every score, every client's score, and every number of the pages as tidy tables."""
    import reports

    if format_ not in (*WRITERS, "tensorboard"):
        raise BenchmarkError(f"--format {format_}: allowed: {', '.join(WRITERS)}, tensorboard")
    how = (reported.store, reported.profile, reported.protocol, reported.methods)
    results = reports.load_all(reported.chosen, *how)
    out.mkdir(parents=True, exist_ok=True)
    if format_ == "tensorboard":
        _tensorboard(reports.scores(results), out)
        return
    tables = {
        "scores": reports.scores(results),
        "clients": reports.clients(results),
        "numbers": reports.numbers(results),
    }
    for name, table in tables.items():
        path = out / f"{name}.{format_}"
        WRITERS[format_](table, path)
        console.print(f"{path}: {len(table)} rows")


WRITERS: dict[str, "Callable[[pd.DataFrame, Path], None]"] = {
    "csv": lambda table, path: table.to_csv(path, index=False),
    "parquet": lambda table, path: table.to_parquet(path, index=False, compression="zstd"),
    "json": lambda table, path: table.to_json(path, orient="records", double_precision=15),
}


def _tensorboard(scores: "pd.DataFrame", out: Path) -> None:
    """One folder of events per run; tags are ``test/personal accuracy`` and the like."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise BenchmarkError("--format tensorboard: pip install tensorboard") from None
    for (protocol, cell, seed), run in scores.groupby(["protocol", "cell", "seed"]):
        with SummaryWriter(str(out / f"{protocol}" / f"{cell}" / f"seed-{seed}")) as writer:
            for row in run.itertuples():
                tag = f"{row.split}/{row.models} {row.score}"
                writer.add_scalar(tag, row.value, row.round)
    console.print(f"{out}: {scores[['protocol', 'cell', 'seed']].drop_duplicates().shape[0]} runs")
