"""Pack a store into a few tables, and unpack it: no value and no byte of a packed file is lost.

See :mod:`benchmark.store.packed` for the tables, which can also be read where they are.
"""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from benchmark.errors import BenchmarkError, one_line, writing
from benchmark.store.packed import PARTS, packed_in, read_part
from benchmark.store.record import Run
from benchmark.store.runs import TABLES, Store, read_table, record_of
from datasets.files import write_whole

INDEX = re.compile(r"[0-9a-f]{16}\.npz")
"""The name of a file of index lists."""


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
    blobs = _packed_lists(store) | {file.name: file.read_bytes() for file in lists}
    names = sorted(blobs)
    contents = [blobs[name] for name in names]
    _write(pd.DataFrame({"name": names, "content": contents}), out / PARTS[-1])
    _compare(runs, blobs, out)
    files = [folder / name for folder, _ in runs for name in ("run.json", *TABLES)] + lists
    return len(runs), _size(files), _size([out / part for part in PARTS])


def _packed_lists(store: Path) -> dict[str, bytes]:
    """The files of index lists in the tables that the store has already, by name."""
    path = store / PARTS[-1]
    return dict(read_part(path).itertuples(index=False)) if path.is_file() else {}


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
    for name, content in _lists(packed / PARTS[-1]):
        place = store / "partitions" / name
        if not place.exists():
            with writing(place):
                write_whole(place, content)
    return count


def _row(folder: Path, run: Run) -> dict[str, str]:
    types = {name: read_table(folder, run, name).dtypes.astype(str).to_dict() for name in TABLES}
    return {"cell": run.cell.key, "seed": str(run.seed), "record": record_of(folder).decode()} | {
        name: json.dumps(columns) for name, columns in types.items()
    }


def _unpacked(packed: Path) -> Iterator[tuple[Run, tuple[pd.DataFrame, pd.DataFrame]]]:
    tables = packed_in(packed)
    if tables is None:
        raise BenchmarkError(f"{packed}: allowed: a folder with {', '.join(PARTS)}")
    for cell, seed in tables.rows:
        history, clients = (tables.table(cell, seed, name) for name in TABLES)
        try:
            record = Run.model_validate_json(tables.record(cell, seed))
        except ValueError as error:
            path = packed / PARTS[0]
            raise BenchmarkError(f"{path}: not a record of a run ({one_line(error)})") from None
        yield record, (history, clients)


def _lists(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files of index lists. Raises BenchmarkError for anything else."""
    for row in read_part(path).to_dict("records"):
        name, content = row.get("name"), row.get("content")
        if not (isinstance(name, str) and isinstance(content, bytes) and INDEX.fullmatch(name)):
            raise BenchmarkError(f"{path}: name, content: allowed: a digest with .npz, bytes")
        yield name, content


def _compare(runs: list[tuple[Path, Run]], lists: dict[str, bytes], out: Path) -> None:
    same_lists = dict(_lists(out / PARTS[-1])) == lists
    for (folder, run), (record, tables) in zip(runs, _unpacked(out), strict=True):
        same = (
            same_lists
            and record == run
            and all(
                _bytes(table) == _bytes(read_table(folder, run, name))
                for name, table in zip(TABLES, tables, strict=True)
            )
        )
        if not same:
            for part in PARTS:
                (out / part).unlink()
            raise BenchmarkError(f"{out}: differs from {folder}; the store is unchanged")


def _bytes(table: pd.DataFrame) -> list[tuple[str, str, bytes]]:
    return [(str(c), str(table[c].dtype), table[c].to_numpy().tobytes()) for c in table]


def _write(table: pd.DataFrame, path: Path) -> None:
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False, compression="zstd")
    with writing(path):
        path.write_bytes(buffer.getvalue())


def _size(files: list[Path]) -> int:
    return sum(file.stat().st_size for file in files if file.is_file())
