"""Readers of users' files: npz, tables, LEAF's JSON, folders of images.

Each reader returns samples, labels and clients as the file has them; clients are None if the file
names none. A reader checks sizes before it reads, and opens no pickle.
"""

import json
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.files import read_bytes

MOST = 2**31
"""Maximum size of a data set's arrays in memory, in bytes."""
TEXT = 2**29
"""Maximum size of a text file in bytes; reading one takes several times its size in memory."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")
"""Suffixes of image files."""

Columns = tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]


def read_npz(path: Path) -> Columns:
    """Read the arrays ``x`` (n, ...), ``y`` (n,) and, if the file has it, ``client`` (n,)."""
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > MOST:
        raise ValueError(f"it unpacks to {size:,} bytes, allowed: {MOST:,}")
    with np.load(path, allow_pickle=False) as stored:
        if not {"x", "y"} <= {*stored.files} <= {"x", "y", "client"}:
            raise ValueError(f"it holds {', '.join(stored.files)}, allowed: x, y, client")
        return stored["x"], stored["y"], stored["client"] if "client" in stored.files else None


def read_table(path: Path, label: str | None, client: str | None) -> Columns:
    """Read one sample per row; all columns except ``label`` and ``client`` are numeric features."""
    import pandas as pd
    import pyarrow.parquet

    if path.suffix == ".csv":
        if (size := path.stat().st_size) > TEXT:
            raise ValueError(f"{size:,} bytes, allowed: {TEXT:,}; a Parquet file may be larger")
        table = pd.read_csv(path)
    else:
        metadata = pyarrow.parquet.read_metadata(path)
        if (size := 8 * metadata.num_rows * metadata.num_columns) > MOST:
            raise ValueError(f"it unpacks to {size:,} bytes, allowed: {MOST:,}")
        table = pd.read_parquet(path)
    named = [name for name in (label, client) if name is not None]
    if label is None or not {*named} <= {*table.columns}:
        columns = ", ".join(map(str, islice(table.columns, 10)))
        raise ValueError(f"label = {label!r}, client = {client!r}; allowed: its columns: {columns}")
    features = table.drop(columns=named)
    if text := [name for name in features if features[name].dtype.kind not in "iufb"]:
        raise ValueError(f"column {text[0]!r} holds no numbers; leave it out, or make it numbers")
    clients = None if client is None else table[client].to_numpy()
    return features.to_numpy(np.float32), table[label].to_numpy(), clients


def read_leaf(path: Path) -> Columns:
    """Read LEAF's ``users`` and ``user_data`` from a JSON file, or from all in a folder."""
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if (size := sum(file.stat().st_size for file in files)) > TEXT:
        raise ValueError(f"{size:,} bytes, allowed: {TEXT:,}")
    x, y, clients = [], [], []
    for file in files:
        content = json.loads(read_bytes(file, TEXT))
        if not isinstance(content, dict) or not {"users", "user_data"} <= {*content}:
            raise ValueError(f"{file.name} has no users and user_data, as LEAF's files have")
        for user in content["users"]:
            held = content["user_data"][user]
            x += held["x"]
            y += held["y"]
            clients += [user] * len(held["y"])
    return np.array(x), np.array(y), np.array(clients)


def read_images(path: Path) -> Columns:
    """Read one folder of images per class, all of one size: x (n, channels, height, width)."""
    from PIL import Image

    files = list(_images(path))
    if not files:
        raise ValueError(f"no folder for each class with images ({', '.join(SUFFIXES)})")
    with Image.open(files[0]) as first:
        size, mode = first.size, "L" if first.mode in ("1", "L") else "RGB"
    if (total := len(files) * size[0] * size[1] * len(mode)) > MOST:
        raise ValueError(f"{total:,} bytes of pixels, allowed: {MOST:,}")
    x = np.empty((len(files), len(mode), size[1], size[0]), np.uint8)
    for place, file in zip(x, files, strict=True):
        with Image.open(file) as image:
            if image.size != size:
                raise ValueError(f"{file.name} is {image.size}, the first image {size} pixels")
            pixels = np.asarray(image.convert(mode))
        place[...] = pixels[None] if mode == "L" else pixels.transpose(2, 0, 1)
    return x, np.array([file.parent.name for file in files]), None


def _images(path: Path) -> Iterator[Path]:
    for folder in sorted(each for each in path.iterdir() if each.is_dir()):
        yield from sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
