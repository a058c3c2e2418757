"""The command ``export``: the numbers behind the pages, as files for other tools."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmark.cli.options import Reported
from benchmark.cli.output import console
from benchmark.errors import BenchmarkError, writing
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
    writer = _summary_writer() if format_ == "tensorboard" else None
    results = reports.load_all(reported.chosen, *how)
    if writer is not None:
        _tensorboard(reports.scores(results), out, writer)
        return
    out.mkdir(parents=True, exist_ok=True)
    tables = {
        "scores": reports.scores(results),
        "clients": reports.clients(results),
        "numbers": reports.numbers(results),
        "printed": reports.printed(results),
    }
    for name, table in tables.items():
        path = out / f"{name}.{format_}"
        with writing(path):
            WRITERS[format_](table, path)
        console.print(f"{path}: {len(table)} rows")


WRITERS: dict[str, "Callable[[pd.DataFrame, Path], None]"] = {
    "csv": lambda table, path: table.to_csv(path, index=False),
    "parquet": lambda table, path: table.to_parquet(path, index=False, compression="zstd"),
    "json": lambda table, path: table.to_json(path, orient="records", double_precision=15),
}


def _summary_writer() -> Any:
    """The class that writes events. Raises BenchmarkError without the package."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise BenchmarkError("--format tensorboard: pip install tensorboard") from None
    return SummaryWriter


def _tensorboard(scores: "pd.DataFrame", out: Path, writer_of: Any) -> None:
    """Write one folder of events per run, in place of an earlier export's.

    Tags are ``test/personal accuracy`` and the like.
    """
    runs = scores.groupby(["protocol", "cell", "seed"])
    for (protocol, cell, seed), run in runs:
        folder = out / f"{protocol}" / f"{cell}" / f"seed-{seed}"
        for earlier in folder.glob("events.out.tfevents.*"):
            earlier.unlink()
        with writing(folder), writer_of(str(folder)) as writer:
            for row in run.itertuples():
                tag = f"{row.split}/{row.models} {row.score}"
                writer.add_scalar(tag, row.value, row.round)
    console.print(f"{out}: {runs.ngroups} runs")
