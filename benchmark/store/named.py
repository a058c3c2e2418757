"""Find the runs of a cell by a part of its name."""

from pathlib import Path

from benchmark.errors import BenchmarkError
from benchmark.store.record import Run
from benchmark.store.runs import Store

SHOWN = 10
"""Maximum number of cells that an error lists."""


def runs_named(store: Store, part: str) -> list[tuple[Path, Run]]:
    """The folders and runs, by seed, of the only cell whose folder's name contains ``part``.

    Raises BenchmarkError if there is none, or if several contain ``part`` and none equals it.
    """
    names = store.cells()
    matches = [part] if part in names else [name for name in names if part in name]
    if not matches:
        raise BenchmarkError(f"{part}: no cell of {store.root} has this in its name (see report)")
    if len(matches) > 1:
        shown = ", ".join(matches[:SHOWN]) + (", …" if len(matches) > SHOWN else "")
        raise BenchmarkError(f"{part}: {len(matches)} cells of {store.root}: {shown}")
    return sorted(store.runs_of(matches[0]), key=lambda found: found[1].seed)
