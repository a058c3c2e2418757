"""Runs on disk: one folder a run, written whole or not at all.

``<store>/<cell key>/seed-<n>/`` holds

- ``run.json``, a :class:`Run`: the cell as asked for, the method's resolved settings, the
  partition's digest and summary, versions, wall time, and the checksums of the other files;
- ``history.parquet``, a row for every evaluation: ``round`` (from 0), then for ``global`` and
  ``personal`` (where the method has it) ``<which>_accuracy`` and ``<which>_loss`` on the
  test sets, ``<which>_train_loss`` on the training sets, all pooled over clients (fractions
  and nats), and ``seconds`` since the start of the run;
- ``clients.parquet``, a row for every client: ``train_size``, ``test_size``, and the same
  scores per client at the last evaluation.

A run is written to a temporary folder beside its place and renamed into it, so that a
reader never sees a part of one. Nothing here imports torch.
"""

import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pandas as pd
import pyarrow
import pyarrow.parquet
from pydantic import Field, ValidationError

from benchmark.errors import BenchmarkError
from benchmark.spec import Cell, Count, Record, Scalar
from benchmark.spec.validation import explain
from datasets.files import read_bytes

FORMAT = 1
TABLES = ("history.parquet", "clients.parquet")
AGAIN = "train it again with --rerun"
LARGEST = 2**28  # bytes of a file
NUMBERS = (pyarrow.int64(), pyarrow.float64())  # what a table may hold
MOST = 2**24  # numbers of a table: a million rounds with all their scores
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Run(Record):
    """The record of one finished run."""

    format: Annotated[int, Field(ge=1, le=FORMAT)] = FORMAT
    cell: Cell
    seed: int = Field(ge=0)
    hyper: dict[str, Scalar]
    parameters: int
    source: Sha256
    """SHA-256 of the method's file."""
    partition: Sha256
    """Digest of the index lists (kept in ``<store>/partitions/``)."""
    partition_summary: Mapping[str, Scalar]
    started: str
    wall_seconds: float
    """Spent on it, apart from interruptions."""
    seeds_stacked: Count
    """How many seeds the program that made this run trained at once."""
    environment: dict[str, str]
    command: str
    diverged: int | None = Field(default=None, ge=0)
    """The round of the first loss that is not finite, with which the history ends."""
    checksums: dict[str, str]


@dataclass(frozen=True)
class Store:
    """A folder of runs."""

    root: Path

    def folder(self, cell: Cell, seed: int) -> Path:
        """Where the run (cell, seed) has its place."""
        return self.root / cell.key / f"seed-{seed}"

    def find(self, cell: Cell, seed: int) -> Run | None:
        """The record of a finished run, or None; that of another run is an error."""
        folder = self.folder(cell, seed)
        if not (folder / "run.json").is_file():
            return None
        run = read_run(folder)
        if (run.cell.digest, run.seed) != (cell.digest, seed):
            raise BenchmarkError(
                f"{folder / 'run.json'}: cell, seed: those of another run, {run.cell.key} seed "
                f"{run.seed}; put it in its place, or train this one again with --rerun"
            )
        return run

    def runs(self) -> Iterator[tuple[Path, Run]]:
        """Every finished run with its folder, in a fixed order."""
        for path in sorted(self.root.glob("*/seed-*/run.json")):
            yield path.parent, read_run(path.parent)

    def write(self, run: Run, history: pd.DataFrame, clients: pd.DataFrame) -> Path:
        """Store a finished run, in place of an older one; its checksums are set here."""
        place = self.folder(run.cell, run.seed)
        blobs = {
            name: _parquet(table) for name, table in zip(TABLES, (history, clients), strict=True)
        }
        run = run.model_copy(update={"checksums": {n: _sha(b) for n, b in blobs.items()}})
        blobs["run.json"] = (run.model_dump_json(indent=1) + "\n").encode()
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            fresh = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
            try:
                for name, blob in blobs.items():
                    write_synced(fresh / name, blob)
                fresh.chmod(0o755)
                _swap(fresh, place)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
        except OSError as error:
            raise BenchmarkError(f"{place}: the run cannot be stored: {error}") from None
        return place


def read_run(folder: Path) -> Run:
    """The record in a run's folder; a damaged one is an error that names it."""
    path = folder / "run.json"
    try:
        return Run.model_validate_json(read_bytes(path, LARGEST))
    except (OSError, ValidationError) as error:
        reason = explain(Run, error) if isinstance(error, ValidationError) else error.strerror
        raise BenchmarkError(f"{path}: not a record of a run ({reason}); {AGAIN}") from None


def read_table(folder: Path, run: Run, name: str) -> pd.DataFrame:
    """``history.parquet`` or ``clients.parquet`` of a run, after comparing its checksum.

    Numbers only, and not too many for memory, whatever a small file may unpack to.
    """
    path = folder / name
    try:
        blob = read_bytes(path, LARGEST)
    except OSError as error:
        raise BenchmarkError(f"{path}: {error.strerror}; {AGAIN}") from None
    if _sha(blob) != run.checksums.get(name):
        raise BenchmarkError(f"{path}: damaged (checksum differs); {AGAIN}")
    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(blob))
        if (numbers := file.metadata.num_rows * file.metadata.num_columns) > MOST:
            raise ValueError(f"{numbers:,} numbers, allowed: {MOST:,}")
        for field in file.schema_arrow:
            if field.type not in NUMBERS:
                raise ValueError(f"{field.name}: {field.type}, allowed: int64, double")
        table: pd.DataFrame = file.read().to_pandas(ignore_metadata=True)
    except Exception as error:  # pyarrow has many for a file that is not what it says
        reason = " ".join(str(error).split())
        raise BenchmarkError(f"{path}: not a table of a run ({reason}); {AGAIN}") from error
    return table


def _swap(fresh: Path, place: Path) -> None:
    """Rename ``fresh`` into its place; an older run there goes only once it has succeeded."""
    old = fresh.with_name(f"{fresh.name}-old")
    if place.exists():
        os.replace(place, old)
    try:
        os.replace(fresh, place)
    except OSError:
        if old.exists():
            os.replace(old, place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _parquet(table: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()


def _sha(blob: bytes) -> str:
    return hashlib.sha256(blob).hexdigest()


def write_synced(path: Path, blob: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(blob)
        file.flush()
        os.fsync(file.fileno())
