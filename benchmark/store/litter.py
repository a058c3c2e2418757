"""Remove files that killed processes left in a store."""

import shutil
import time
from collections.abc import Iterable
from contextlib import suppress

from benchmark.errors import BenchmarkError
from benchmark.spec import Cell
from benchmark.store.locks import folder_of, only_one
from benchmark.store.runs import Store
from datasets.files import litter, tidy

OLD = 3600.0
"""Seconds after which no process can still be writing a partial file."""


def tidy_finished(store: Store, cell: Cell, seeds: Iterable[int]) -> None:
    """Remove partial files and checkpoints that are left beside finished runs."""
    for seed in seeds:
        checkpoints = folder_of(store, cell, (seed,))
        if not litter(store.place(cell, seed)) and not checkpoints.exists():
            continue
        with (
            suppress(BenchmarkError, OSError),  # the store is read-only
            only_one(store, cell, (seed,)) as alone,
        ):
            if alone:
                tidy(store.place(cell, seed))
                shutil.rmtree(checkpoints, ignore_errors=True)


def tidy_places(store: Store, cell: Cell, seeds: Iterable[int]) -> None:
    """Remove partial files beside the places of runs that this process alone makes."""
    for seed in seeds:
        tidy(store.place(cell, seed))


def tidy_partitions(store: Store) -> None:
    """Remove partial files of partitions that no process writes any more."""
    for path in (store.root / "partitions").glob(".*.npz.*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > OLD:
                path.unlink()
