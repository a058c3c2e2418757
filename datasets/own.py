"""Load and hash a user's own data set from a file or folder."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.arrays import Arrays, Ints
from datasets.errors import DataError
from datasets.readers import Columns, read_images, read_leaf, read_npz, read_table

ALLOWED = ".npz, .csv, .parquet, LEAF's .json, a folder of .json, or a folder for each class"
BLOCK = 2**22


def load_own(name: str, path: Path, label: str | None = None, client: str | None = None) -> Arrays:
    """The data set in a file or folder, under a name of the user's.

    - ``.npz``: arrays x (n, features) or (n, channels, height, width), y (n,), and client (n,) if
      samples have clients.
    - ``.csv``, ``.parquet``: one row per sample. ``label`` is the name of the column of labels;
      ``client`` that of the column of clients, if there is one.
    - ``.json``, or a folder of such files: LEAF's format. Its users are the clients.
    - a folder with one folder per class: images of one size.

    Labels are numbered 0, 1, … in increasing order; `Arrays.labels` keeps their names. Clients are
    numbered alike.
    Raises DataError if the file is missing, cannot be read, takes more than 2 GiB of memory, or
    holds values that are not finite.
    """
    try:
        columns = _read(path, label, client)
        return _checked(name, *columns)
    except FileNotFoundError as error:
        raise DataError(f"{name}: {path} is missing") from error
    # A damaged file fails in zipfile, numpy, pandas, pyarrow, json or PIL, with their errors.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{name}: {path} is no data set: {reason}") from error


def digest_of(path: Path) -> str:
    """SHA-256 (hexadecimal) of a file's bytes, or of a folder's files and their names.

    Raises DataError if it is missing or cannot be read.
    """
    try:
        files = sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]
        stamps = tuple((f, f.stat().st_mtime_ns, f.stat().st_size) for f in files)
        return _digest(path, stamps)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


@lru_cache(maxsize=64)
def _digest(path: Path, stamps: tuple[tuple[Path, int, int], ...]) -> str:
    content = hashlib.sha256()
    for file, _, size in stamps:
        if path.is_dir():
            content.update(f"{file.relative_to(path).as_posix()}\n{size}\n".encode())
        with file.open("rb") as opened:
            while block := opened.read(BLOCK):
                content.update(block)
    return content.hexdigest()


def _read(path: Path, label: str | None, client: str | None) -> Columns:
    if path.is_dir():
        return read_leaf(path) if any(path.glob("*.json")) else read_images(path)
    if path.suffix in (".csv", ".parquet"):
        return read_table(path, label, client)
    readers = {".npz": read_npz, ".json": read_leaf}
    if path.suffix not in readers:
        raise ValueError(f"allowed: {ALLOWED}")
    return readers[path.suffix](path)


def _checked(name: str, x: NDArray[Any], y: NDArray[Any], client: NDArray[Any] | None) -> Arrays:
    if x.ndim < 2 or not len(x) or 0 in x.shape or x.dtype.kind not in "iufb":
        raise ValueError(f"x is {x.dtype} of shape {x.shape}, allowed: numbers (samples, ...)")
    for what, column in (("y", y), ("client", client)):
        if column is not None and (column.ndim != 1 or len(column) != len(x)):
            raise ValueError(f"{what} has shape {column.shape}, for {len(x)} samples in x")
    if x.dtype != np.uint8:
        x = x.astype(np.float32, copy=False)
        for row in range(0, len(x), 4096):
            if not np.isfinite(x[row : row + 4096]).all():
                raise ValueError(f"x holds a value that is not finite, from sample {row} on")
    labels, numbers = _numbered("y", y)
    if len(labels) < 2:
        raise ValueError("y holds a single label, allowed: two or more")
    plain = labels == tuple(map(str, range(len(labels))))
    clients = None if client is None else _numbered("client", client)[1]
    return Arrays(name, x, numbers, len(labels), clients, () if plain else labels)


def _numbered(what: str, column: NDArray[Any]) -> tuple[tuple[str, ...], Ints]:
    """The different values in increasing order, and the number of each sample's value."""
    if column.dtype.kind not in "iufbOUS":
        raise ValueError(f"{what} is {column.dtype}, allowed: whole numbers or text")
    if column.dtype.kind == "f" and not (column == np.rint(column)).all():
        raise ValueError(f"{what} holds numbers that are not whole")
    if column.dtype.kind == "f":
        column = column.astype(np.int64)
    text = column.astype(str) if column.dtype.kind in "OS" else column
    values, numbers = np.unique(text, return_inverse=True)
    return tuple(map(str, values.tolist())), numbers.astype(np.int64)
