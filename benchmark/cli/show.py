"""The command ``show``: everything behind a number."""

import shlex
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from benchmark.cli.options import ResultsFolder
from benchmark.cli.output import console
from benchmark.cli.progress import duration
from benchmark.places import COMMITTED
from benchmark.store import Run, Store
from benchmark.store.named import runs_named


def show(
    cell: Annotated[
        str, typer.Argument(help="A cell's folder in the store, or a part of its name.")
    ],
    store: ResultsFolder = COMMITTED,
) -> None:
    """Print every setting, the split, the seeds and the commands behind a number."""
    runs = [run for _, run in runs_named(Store(store), cell)]
    where = "" if store == COMMITTED else f" --store {shlex.quote(str(store))}"
    for heading, lines in _sections(runs, where).items():
        console.print(f"{heading}:")
        for line in lines:
            console.print(f"  {line}")


def _sections(runs: Sequence[Run], where: str) -> dict[str, list[str]]:
    """Headings with their lines. where: the option that names the store, or nothing."""
    first = runs[0]
    cell = first.cell.model_dump(mode="json", exclude={"hyper"})
    return {
        f"cell {first.cell.key}": [f"{name} = {value}" for name, value in _flat(cell)],
        "settings of the method": [f"{name} = {value}" for name, value in first.hyper.items()],
        "partition": [f"{name} = {value}" for name, value in first.partition_summary.items()],
        "runs": [_told(run) for run in runs],
        "made with": _distinct(f"{k} = {v}" for run in runs for k, v in run.environment.items()),
        "commands": _distinct(run.command for run in runs),
        "to repeat its first rounds": [
            f"python -m benchmark verify {run.cell.key}/seed-{run.seed}{where}" for run in runs
        ],
    }


def _told(run: Run) -> str:
    ended = f", diverged at round {run.diverged}" if run.diverged is not None else ""
    return (
        f"seed {run.seed}: partition {run.partition[:16]}, method's file {run.source[:16]}, "
        f"{run.parameters} parameters, {duration(run.wall_seconds)}{ended}"
    )


def _flat(table: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Nested values by dotted name."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _distinct(texts: Iterator[str]) -> list[str]:
    return sorted(dict.fromkeys(texts))
