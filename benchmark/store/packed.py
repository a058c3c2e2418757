"""Runs that are read in place from a store's tables, as :mod:`benchmark.store.pack` writes them.

``runs.parquet`` has a row per run: its cell's folder, its seed, its record as text, and the
columns of its tables with their types; ``history.parquet`` and ``clients.parquet`` have all
runs' rows, with the number of the run; ``partitions.parquet`` has the files of index lists. A
run's folder beside the tables has precedence over what they hold of it. Nothing here imports torch.
"""

import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.errors import BenchmarkError, one_line

if TYPE_CHECKING:
    import pandas as pd

RUNS = "runs.parquet"
PARTS = (RUNS, "history.parquet", "clients.parquet", "partitions.parquet")


@dataclass(frozen=True, eq=False)
class Packed:
    """The tables of one store; each is read once, when it is first asked for."""

    rows: dict[tuple[str, str], tuple[int, dict[str, str]]]
    """By cell and seed: the number of the run, and its row in RUNS."""
    _tables: "dict[str, tuple[pd.DataFrame, pd.Series[int]]]"
    folder: Path
    """Where the tables are."""

    @cached_property
    def seeds(self) -> dict[str, list[str]]:
        """The seeds of each cell's runs."""
        found: dict[str, list[str]] = {}
        for cell, seed in self.rows:
            found.setdefault(cell, []).append(seed)
        return found

    def record(self, cell: str, seed: str) -> str:
        """The text of a run's record."""
        return self.rows[cell, seed][1]["record"]

    def table(self, cell: str, seed: str, name: str) -> "pd.DataFrame":
        """A run's table, to the bit. Raises BenchmarkError if the tables are damaged."""
        try:
            return self._table(cell, seed, name)
        except (LookupError, TypeError, ValueError) as error:  # other columns, rows or texts
            path, reason = self.folder / name, one_line(error)
            raise BenchmarkError(f"{path}: not a packed table ({reason})") from None

    def _table(self, cell: str, seed: str, name: str) -> "pd.DataFrame":
        number, row = self.rows[cell, seed]
        if name not in self._tables:
            frame = read_part(self.folder / name)
            self._tables[name] = frame, frame["run"]
        frame, runs = self._tables[name]
        first, end = runs.searchsorted([number, number + 1])
        columns = json.loads(row[name])
        own = frame.iloc[first:end][[*columns]].reset_index(drop=True)
        return own.astype(columns) if isinstance(columns, dict) else own


def packed_in(root: Path) -> Packed | None:
    """The tables in a store's folder; None if there are none."""
    try:
        stamps = tuple((root / part).stat().st_mtime_ns for part in PARTS[:-1])
    except OSError:
        return None
    return _packed(root, stamps)


@lru_cache(maxsize=8)
def _packed(root: Path, stamps: tuple[int, ...]) -> Packed:
    rows: list[Any] = read_part(root / RUNS).to_dict("records")
    columns = ("cell", "seed", "record", *PARTS[1:3])
    if not all(isinstance(row.get(column), str) for row in rows for column in columns):
        raise BenchmarkError(f"{root / RUNS}: {', '.join(columns)}: allowed: texts")
    return Packed({(r["cell"], r["seed"]): (n, r) for n, r in enumerate(rows)}, {}, root)


def read_part(path: Path) -> "pd.DataFrame":
    """One of the tables. Raises BenchmarkError if it is missing or damaged."""
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except Exception as error:  # pyarrow has many for a file that is not what it says
        reason = " ".join(str(error).split())
        raise BenchmarkError(f"{path}: not a packed table ({reason})") from None


def place_in(folder: Path) -> tuple[Packed, str, str] | None:
    """The tables that hold the run of a folder, its cell and its seed; None if no tables do."""
    packed = packed_in(folder.parent.parent)
    cell, seed = folder.parent.name, folder.name.removeprefix("seed-")
    return (packed, cell, seed) if packed and (cell, seed) in packed.rows else None
