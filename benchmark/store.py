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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from benchmark.errors import BenchmarkError
from benchmark.spec import Cell, Record, Scalar

FORMAT = 1
TABLES = ("history.parquet", "clients.parquet")


class Run(Record):
    """The record of one finished run."""

    format: int = FORMAT
    cell: Cell
    seed: int
    hyper: dict[str, Scalar]
    parameters: int
    source: str
    """SHA-256 of the method's file."""
    partition: str
    """Digest of the index lists (kept in ``<store>/partitions/``)."""
    partition_summary: dict[str, Any]
    started: str
    wall_seconds: float
    seeds_stacked: int
    """How many seeds the program that made this run trained at once."""
    environment: dict[str, str]
    command: str
    checksums: dict[str, str]


@dataclass(frozen=True)
class Store:
    """A folder of runs."""

    root: Path

    def folder(self, cell: Cell, seed: int) -> Path:
        """Where the run (cell, seed) has its place."""
        return self.root / cell.key / f"seed-{seed}"

    def find(self, cell: Cell, seed: int) -> Run | None:
        """The record of a finished run, or None."""
        folder = self.folder(cell, seed)
        return read_run(folder) if (folder / "run.json").is_file() else None

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
                    _write_synced(fresh / name, blob)
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
        return Run.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise BenchmarkError(
            f"{path}: not a record of a run ({reason}); train it again with --rerun"
        ) from None


def read_table(folder: Path, run: Run, name: str) -> pd.DataFrame:
    """``history.parquet`` or ``clients.parquet`` of a run, after comparing its checksum."""
    path = folder / name
    try:
        blob = path.read_bytes()
    except OSError as error:
        raise BenchmarkError(
            f"{path}: {error.strerror}; train the run again with --rerun"
        ) from None
    if _sha(blob) != run.checksums.get(name):
        raise BenchmarkError(f"{path}: damaged (checksum differs); train it again with --rerun")
    return pd.read_parquet(io.BytesIO(blob))


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


def _write_synced(path: Path, blob: bytes) -> None:
    with path.open("wb") as file:
        file.write(blob)
        file.flush()
        os.fsync(file.fileno())
