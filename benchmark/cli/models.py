"""The command ``models``: the final models that runs have kept."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.options import RunsFolder
from benchmark.cli.output import console, table
from benchmark.errors import BenchmarkError
from benchmark.places import RUNS


def models(
    cell: Annotated[str, typer.Argument(help="Part of a cell's name. Empty: all cells.")] = "",
    store: RunsFolder = RUNS,
) -> None:
    """List the final models that runs have kept (run --keep-models), and how to load one."""
    from benchmark.store import MODELS, Store
    from benchmark.store.models import kept_models

    runs = [
        (folder, run)
        for name in Store(store).cells()
        if cell in name
        for folder, run in Store(store).runs_of(name)
        if run.has_models and (folder / MODELS).is_file()
    ]
    if not runs:
        raise BenchmarkError(
            f"{store}: no run{f' of {cell}' if cell else ''} keeps its models; "
            "run with --keep-models"
        )
    numbers = ("seed", "personal", "parameters", "MB")
    shown = table("cell", "seed", "global", "personal", "parameters", "MB", right=numbers)
    for folder, run in runs:
        has_global, clients = kept_models(folder)
        size = (folder / MODELS).stat().st_size / 1e6
        facts = (str(run.seed), "yes" if has_global else "no", str(clients), str(run.parameters))
        shown.add_row(run.cell.key, *facts, f"{size:.1f}")
    console.print(shown)
    first = runs[0][1]
    where = "" if store == RUNS else f", store={Path(store).as_posix()!r}"
    console.print("in Python, client=N for a personalised model:")
    console.print(f"  benchmark.load_model({first.cell.key!r}, seed={first.seed}{where})")
