"""Runs on disk, one folder per run.

``<store>/<cell key>/seed-<n>/`` holds

- ``run.json``, a :class:`Run`: the cell as asked for, the method's resolved settings, the
  partition's digest and summary, versions, wall time, and the checksums of the other files;
- ``history.parquet``, one row per evaluation: ``round`` (from 0), then for ``global`` and, if the
  method personalises, ``personal``: ``<which>_accuracy`` and ``<which>_loss`` on the test sets and
  ``<which>_train_loss`` on the training sets, all pooled over clients (fractions and nats), and
  ``seconds`` since the start of the run;
- ``clients.parquet``, one row per client: ``train_size``, ``test_size``, and the same scores of
  the client at the last evaluation.

With validation there are also ``<which>_validation_accuracy``, ``<which>_validation_loss`` and
``validation_size``. The test columns then have two values only: at the evaluation with the best
validation accuracy (the first, if several are equal) and at the last one. Clients' test scores are
those of the former.

A run that was asked to keep its models has ``models.safetensors`` too; see
:mod:`benchmark.store.models`.

A run is written whole or not at all (see :func:`datasets.files.write_whole`), so that a reader
never sees a part of one. Nothing here imports torch.
"""

import hashlib
import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from pydantic import ValidationError

from benchmark.errors import BenchmarkError
from benchmark.spec import Cell
from benchmark.spec.validation import explain
from benchmark.store.packed import packed_in, place_in
from benchmark.store.record import MODELS, Run
from datasets.files import place_of, read_bytes, replaced, write_whole

if TYPE_CHECKING:
    import pandas as pd

KEY = re.compile(r"\w+-\w+-([a-z][a-z0-9_]{0,63})-[0-9a-f]{12}")
"""A cell's folder: data-model-algorithm-hash."""
TABLES = ("history.parquet", "clients.parquet")
AGAIN = "run sets it aside and makes it again"
LARGEST = 2**28  # bytes of a file
LARGEST_MODELS = 2**36
NUMBERS = ("int64", "double")  # what a table may hold
MOST = 2**24  # numbers of a table: a million rounds with all their scores


@dataclass(frozen=True)
class Store:
    """A folder of runs."""

    root: Path
    """Path of the folder."""

    def place(self, cell: Cell, seed: int) -> Path:
        """The folder to which the run (cell, seed) is written."""
        return self.root / cell.key / f"seed-{seed}"

    def folder(self, cell: Cell, seed: int) -> Path:
        """The folder from which the run (cell, seed) is read: its place; or, if a writer was killed
        while it replaced an older run, the folder of the older run beside it."""
        return _whole(self.place(cell, seed))

    def find(self, cell: Cell, seed: int) -> Run | None:
        """The record of a finished run, or None. Raises BenchmarkError for another run's record."""
        folder = self.folder(cell, seed)
        if not is_run(folder):
            return None
        run = read_run(folder)
        if (run.cell.digest, run.seed) != (cell.digest, seed):
            raise BenchmarkError(
                f"{folder / 'run.json'}: cell, seed: those of another run, {run.cell.key} seed "
                f"{run.seed}; {AGAIN}"
            )
        return run

    def find_whole(self, cell: Cell, seed: int) -> Run | None:
        """Like :meth:`find`; also raises BenchmarkError if a table has changed since."""
        run = self.find(cell, seed)
        if run is not None and (self.folder(cell, seed) / "run.json").is_file():
            for name in TABLES:
                checked(self.folder(cell, seed), run, name)
        return run

    def set_aside(self, cell: Cell, seed: int) -> Path:
        """Move a damaged run out of its place; return its new path."""
        aside = self.root / "damaged" / f"{cell.key}-seed-{seed}-{uuid4().hex[:8]}"
        try:
            aside.parent.mkdir(exist_ok=True)
            os.replace(self.folder(cell, seed), aside)
        except OSError as error:
            raise BenchmarkError(f"{aside}: cannot be stored: {error}") from None
        return aside

    def seeds(self, cell: Cell) -> list[int]:
        """The seeds of the cell's finished runs, in order."""
        names = (place.name.removeprefix("seed-") for place in self._places(cell.key))
        return sorted(int(name) for name in names if name.isdecimal())

    def has(self, cell: Cell) -> bool:
        """True if any run of the cell is finished."""
        return bool(self.seeds(cell))

    def algorithms(self) -> list[str]:
        """The names of the methods that the store has cells of."""
        matches = (KEY.fullmatch(name) for name in self._shelves())
        return sorted({match[1] for match in matches if match})

    def cells(self) -> list[str]:
        """The names of the cells with finished runs, in order."""
        return [name for name in self._shelves() if self._places(name)]

    def runs_of(self, name: str) -> Iterator[tuple[Path, Run]]:
        """A cell's finished runs, each with its own folder, in a fixed order.

        The folder of a packed run does not exist; :func:`read_run` and :func:`read_table` take it.
        """
        for place in self._places(name):
            folder = _whole(place)
            yield folder, read_run(folder)

    def runs(self) -> Iterator[tuple[Path, Run]]:
        """Every finished run with its folder, in a fixed order."""
        for name in self.cells():
            yield from self.runs_of(name)

    def _shelves(self) -> list[str]:
        packed = packed_in(self.root)
        names = {folder.name for folder in self.root.glob("*/")}
        return sorted(names | {cell for cell, _ in packed.rows} if packed else names)

    def _places(self, name: str) -> list[Path]:
        """The places of a cell's finished runs, in a fixed order."""
        shelf, packed = self.root / name, packed_in(self.root)
        seeds = packed.seeds.get(name, ()) if packed else ()
        return sorted({*_places(shelf), *(shelf / f"seed-{seed}" for seed in seeds)})

    def require_writable(self) -> None:
        """Create the folder if it is missing. Raises BenchmarkError if it cannot be written to."""
        probe = self.root / f".probe-{uuid4().hex}"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise BenchmarkError(f"{self.root}: nothing can be stored: {error}") from None

    def write(
        self,
        run: Run,
        history: "pd.DataFrame",
        clients: "pd.DataFrame",
        *,
        models: bytes | None = None,
    ) -> Path:
        """Store a finished run with its checksums; an older one is replaced.

        models: content of MODELS (see :func:`benchmark.store.models.packed`). None: none is kept.
        """
        place = self.place(run.cell, run.seed)
        blobs = {
            name: _parquet(table) for name, table in zip(TABLES, (history, clients), strict=True)
        } | ({} if models is None else {MODELS: models})
        run = run.model_copy(update={"checksums": {n: _sha(b) for n, b in blobs.items()}})
        blobs["run.json"] = (run.model_dump_json(indent=1) + "\n").encode()
        try:
            write_whole(place, blobs)
        except OSError as error:
            raise BenchmarkError(f"{place}: the run cannot be stored: {error}") from None
        return place


def _places(shelf: Path) -> set[Path]:
    whole = {path.parent for path in shelf.glob("seed-*/run.json")}
    return whole | {place_of(path.parent) for path in shelf.glob(".seed-*.old/run.json")}


def _whole(place: Path) -> Path:
    old = replaced(place)
    return place if place.exists() or not old.exists() else old


def is_run(folder: Path) -> bool:
    """True if the folder holds a finished run, or the tables of its store do."""
    return (folder / "run.json").is_file() or place_in(folder) is not None


def record_of(folder: Path) -> bytes:
    """The text of a run's record. Raises OSError."""
    path = folder / "run.json"
    if not path.is_file() and (place := place_in(folder)):
        packed, cell, seed = place
        return packed.record(cell, seed).encode()
    return read_bytes(path, LARGEST)


def read_run(folder: Path) -> Run:
    """Read the record in a run's folder. Raises BenchmarkError if it is damaged."""
    path = folder / "run.json"
    try:
        return Run.model_validate_json(record_of(folder))
    except (OSError, ValidationError) as error:
        reason = explain(Run, error) if isinstance(error, ValidationError) else error.strerror
        raise BenchmarkError(f"{path}: not a record of a run ({reason}); {AGAIN}") from None


def read_table(folder: Path, run: Run, name: str) -> "pd.DataFrame":
    """Read ``history.parquet`` or ``clients.parquet`` of a run, and check its checksum.

    Raises BenchmarkError also if it holds anything but numbers, or unpacks to too many of them.
    """
    import pyarrow.parquet  # slow, and needless for records

    if not (folder / "run.json").is_file() and (place := place_in(folder)):
        packed, cell, seed = place
        return packed.table(cell, seed, name)
    path, blob = folder / name, checked(folder, run, name)
    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(blob))
        if (numbers := file.metadata.num_rows * file.metadata.num_columns) > MOST:
            raise ValueError(f"{numbers:,} numbers, allowed: {MOST:,}")
        for field in file.schema_arrow:
            if str(field.type) not in NUMBERS:
                raise ValueError(f"{field.name}: {field.type}, allowed: int64, double")
        table: pd.DataFrame = file.read().to_pandas(ignore_metadata=True)
    except Exception as error:  # pyarrow raises many kinds of error for a damaged file
        reason = " ".join(str(error).split())
        raise BenchmarkError(f"{path}: not a table of a run ({reason}); {AGAIN}") from error
    return table


def checked(folder: Path, run: Run, name: str) -> bytes:
    """The content of a file of a run. Raises BenchmarkError if it has changed since."""
    path = folder / name
    try:
        blob = read_bytes(path, LARGEST_MODELS if name == MODELS else LARGEST)
    except OSError as error:
        raise BenchmarkError(f"{path}: {error.strerror}; {AGAIN}") from None
    if _sha(blob) != run.checksums.get(name):
        raise BenchmarkError(f"{path}: damaged (checksum differs); {AGAIN}")
    return blob


def _parquet(table: "pd.DataFrame") -> bytes:
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()


def _sha(blob: bytes) -> str:
    return hashlib.sha256(blob).hexdigest()
