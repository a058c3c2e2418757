"""Compare two stores, for the command ``compare``."""

from pathlib import Path

import typer

from benchmark.cli.output import console


def compare_stores(first: Path, second: Path) -> None:
    """Print which runs differ and from which evaluation on; exit code 1 if any differs."""
    from benchmark.jobs.verification import difference
    from benchmark.store import Store, read_table

    stores = [{(r.cell.key, r.seed): (f, r) for f, r in Store(s).runs()} for s in (first, second)]
    both = [key for key in stores[0] if key in stores[1]]
    differ = 0
    for key in both:
        ours, theirs = (read_table(*store[key], "history.parquet") for store in stores)
        first_difference = difference(ours, theirs).first
        if first_difference or len(ours) != len(theirs):
            differ += 1
            where = first_difference or f"{len(ours)} evaluations, {len(theirs)} in the other"
            console.print(f"{key[0]}/seed-{key[1]}: {where}")
    console.print(f"{len(both)} runs in both, {len(both) - differ} of them with the same bits")
    for store, other, folder in ((0, 1, first), (1, 0, second)):
        only = len(stores[store].keys() - stores[other].keys())
        console.print(f"only in {folder}: {only} runs")
    if differ:
        raise typer.Exit(1)
