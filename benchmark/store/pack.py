"""Pack a store into a few tables, and unpack it: no value and no byte of a packed file is lost.

``runs.parquet`` has a row per run: its folder, its record as text, and the columns of its tables;
``history.parquet`` and ``clients.parquet`` have all runs' rows, with the number of the run;
``partitions.parquet`` has the files of index lists.
"""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from benchmark.errors import BenchmarkError, writing
from benchmark.store.runs import TABLES, Run, Store, read_table

PARTS = ("runs.parquet", *TABLES, "partitions.parquet")


def pack(store: Path, out: Path) -> tuple[int, int, int]:
    """Write the tables of ``store`` into ``out``; returns runs, and bytes before and after.

    Reads what it wrote and compares it with the store, bit by bit. Raises BenchmarkError where the
    store has no run, a run is damaged, or ``out`` has such tables.
    """
    if any((out / part).exists() for part in PARTS):
        raise BenchmarkError(f"{out}: has tables of a store already")
    runs = list(Store(store).runs())
    if not runs:
        raise BenchmarkError(f"{store}: no finished run")
    out.mkdir(parents=True, exist_ok=True)
    records = pd.DataFrame([_row(folder, run) for folder, run in runs])
    _write(records, out / "runs.parquet")
    for name in TABLES:
        frames = [
            read_table(folder, run, name).assign(run=n) for n, (folder, run) in enumerate(runs)
        ]
        _write(pd.concat(frames, ignore_index=True), out / name)
    lists = sorted((store / "partitions").glob("*.npz"))
    blobs = {"name": [f.name for f in lists], "content": [f.read_bytes() for f in lists]}
    _write(pd.DataFrame(blobs), out / "partitions.parquet")
    _compare(runs, out)
    files = [folder / name for folder, _ in runs for name in ("run.json", *TABLES)] + lists
    return len(runs), _size(files), _size([out / part for part in PARTS])


def unpack(packed: Path, store: Path) -> int:
    """Write the runs of packed tables into ``store``; returns how many.

    Existing runs are left alone. Records get the checksums of the tables as written here; the same
    version of pyarrow writes the same bytes as before packing.
    """
    count = 0
    for run, tables in _unpacked(packed):
        if Store(store).find(run.cell, run.seed) is None:
            Store(store).write(run, *tables)
            count += 1
    folder = store / "partitions"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in _read(packed / "partitions.parquet").itertuples(index=False):
        if not (folder / Path(name).name).exists():
            (folder / Path(name).name).write_bytes(content)
    return count


def _row(folder: Path, run: Run) -> dict[str, str]:
    columns = {name: list(read_table(folder, run, name)) for name in TABLES}
    record = (folder / "run.json").read_text(encoding="utf-8")
    return {"cell": run.cell.key, "seed": str(run.seed), "record": record} | {
        name: json.dumps(names) for name, names in columns.items()
    }


def _unpacked(packed: Path) -> Iterator[tuple[Run, tuple[pd.DataFrame, pd.DataFrame]]]:
    runs = _read(packed / "runs.parquet")
    grouped = {name: dict(iter(_read(packed / name).groupby("run"))) for name in TABLES}
    for number, row in enumerate(runs.to_dict("records")):
        history, clients = (
            grouped[name][number][json.loads(row[name])].reset_index(drop=True) for name in TABLES
        )
        yield Run.model_validate_json(row["record"]), (history, clients)


def _compare(runs: list[tuple[Path, Run]], out: Path) -> None:
    for (folder, run), (record, tables) in zip(runs, _unpacked(out), strict=True):
        same = record == run and all(
            _bytes(table) == _bytes(read_table(folder, run, name))
            for name, table in zip(TABLES, tables, strict=True)
        )
        if not same:
            raise BenchmarkError(f"{out}: differs from {folder}; the store is unchanged")


def _bytes(table: pd.DataFrame) -> list[tuple[str, str, bytes]]:
    return [(str(c), str(table[c].dtype), table[c].to_numpy().tobytes()) for c in table]


def _write(table: pd.DataFrame, path: Path) -> None:
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False, compression="zstd")
    with writing(path):
        path.write_bytes(buffer.getvalue())


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except Exception as error:  # pyarrow raises many kinds of error for a damaged file
        reason = " ".join(str(error).split())
        raise BenchmarkError(f"{path}: not a packed table ({reason})") from None


def _size(files: list[Path]) -> int:
    return sum(file.stat().st_size for file in files)
