"""The commands ``pack`` and ``unpack``: a store as a few tables, and back."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.output import console


def pack(
    store: Annotated[Path, typer.Argument(help="Folder of runs.")],
    out: Annotated[Path, typer.Argument(help="Folder for the tables.")],
) -> None:
    """Write a store as four tables, and prove that nothing is lost."""
    from benchmark.store import Store
    from benchmark.store.pack import pack as write

    runs, before, after = write(store, out)
    console.print(f"{out}: {runs} runs, {before / 1e6:.1f} MB in the store, {after / 1e6:.1f} here")
    if kept := sum(run.has_models for _, run in Store(store).runs()):
        console.print(f"the final models of {kept} runs stay in {store}; tables have none")


def unpack(
    packed: Annotated[Path, typer.Argument(help="Folder of the tables.")],
    store: Annotated[Path, typer.Argument(help="Folder of runs to write to.")],
) -> None:
    """Write the runs of packed tables into a store; existing runs are left alone."""
    from benchmark.store.pack import unpack as write

    console.print(f"{store}: {write(packed, store)} runs")
