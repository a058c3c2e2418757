"""The image sets that torchvision fetches: MNIST, Fashion-MNIST, CIFAR-10, CIFAR-100.

We parse the files ourselves: sizes and checksums are verified before anything is decoded or
unpickled.
"""

import gzip
import hashlib
import io
import math
import pickle
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.arrays import Arrays, Ints
from datasets.errors import DataError
from datasets.files import read_bytes

Images = NDArray[np.uint8]
LARGEST = 2**28  # bytes; the largest file of CIFAR-100 has 155 million
ELSEWHERE = "or name the folder that has it with --data-root or PFL_DATA_ROOT"


@dataclass(frozen=True)
class ImageSet:
    """A complete copy of an image set, described."""

    kind: str
    """The class in torchvision.datasets that fetches it."""
    classes: int
    """Number of labels."""
    counts: tuple[int, int]
    """Numbers of images in the training part and in the test part."""
    shape: tuple[int, int, int]
    """Channels, height and width of an image."""
    files: Mapping[str, str]
    """Paths of the files under the data root, training part first, each with its published MD5
    (empty: none is published)."""


PARTS = ("train", "t10k")


def _idx_files(kind: str, *sums: str) -> dict[str, str]:
    names = (f"{part}-{what}-ubyte" for part in PARTS for what in ("images-idx3", "labels-idx1"))
    return {f"{kind}/raw/{name}": md5 for name, md5 in zip(names, sums, strict=True)}


IMAGE_SETS = {
    "mnist": ImageSet(
        "MNIST",
        10,
        (60_000, 10_000),
        (1, 28, 28),
        _idx_files(
            "MNIST",
            "6bbc9ace898e44ae57da46a324031adb",
            "a25bea736e30d166cdddb491f175f624",
            "2646ac647ad5339dbf082846283269ea",
            "27ae3e4e09519cfbb04c329615203637",
        ),
    ),
    "fashion_mnist": ImageSet(
        "FashionMNIST",
        10,
        (60_000, 10_000),
        (1, 28, 28),
        _idx_files("FashionMNIST", "", "", "", ""),
    ),
    "cifar10": ImageSet(
        "CIFAR10",
        10,
        (50_000, 10_000),
        (3, 32, 32),
        {
            "cifar-10-batches-py/data_batch_1": "c99cafc152244af753f735de768cd75f",
            "cifar-10-batches-py/data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
            "cifar-10-batches-py/data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
            "cifar-10-batches-py/data_batch_4": "634d18415352ddfa80567beed471001a",
            "cifar-10-batches-py/data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
            "cifar-10-batches-py/test_batch": "40351d587109b95175f43aff81a1287e",
        },
    ),
    "cifar100": ImageSet(
        "CIFAR100",
        100,
        (50_000, 10_000),
        (3, 32, 32),
        {
            "cifar-100-python/train": "16019d7e3df5f24257cddd939b257f8d",
            "cifar-100-python/test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
        },
    ),
}


def load_images(name: str, root: Path, download: bool) -> Arrays:
    """The image set `name` under `root` in torchvision's layout, training part then test part.

    MNIST's files, and Fashion-MNIST's, may also be compressed (``.gz``), and have a dot in place of
    the hyphen before ``idx``.
    Returns x (n, channels, height, width) uint8 and y (n,). The MD5 of every file is checked
    where one is published. Fashion-MNIST has none: its header, size and label range are checked.
    torchvision is needed only to download.
    Raises DataError if a file is missing, incomplete or damaged, or cannot be downloaded.
    """
    require_images(name, root, download)
    expected = IMAGE_SETS[name]
    try:
        parts = list((_cifar if name.startswith("cifar") else _idx)(root, expected))
    except _DamagedError as error:
        path, fault = error.args
        raise DataError(
            f"{name}: {path} is damaged ({fault}); delete it and pass --download, {ELSEWHERE}"
        ) from error
    except (OSError, ValueError) as error:
        raise DataError(
            f"{name}: the files under {root} cannot be used ({error}); replace them, {ELSEWHERE}"
        ) from error
    x, y = (np.concatenate(both) for both in zip(*parts, strict=True))
    return Arrays(name, x, y, expected.classes)


def require_images(name: str, root: Path, download: bool) -> None:
    """Fetch an image set's missing files if `download`; raise DataError if a file is missing.

    Reads no file.
    """
    failed = _fetch(IMAGE_SETS[name].kind, root) if download else None
    for file in IMAGE_SETS[name].files:
        try:
            _found(root / file).stat()
        except FileNotFoundError as error:
            how = "is missing; pass --download to fetch it"
            if failed:
                how = f"could not be downloaded ({failed}); fetch it by hand"
            raise DataError(f"{name}: {root / file} {how}, {ELSEWHERE}") from error
        except OSError as error:
            raise DataError(
                f"{name}: the files under {root} cannot be used ({error}); replace them, "
                f"{ELSEWHERE}"
            ) from error


class _DamagedError(Exception):
    """A damaged file: its path, and the reason."""


def _fetch(kind: str, root: Path) -> str | None:
    """Let torchvision download and check missing files; return the reason if it cannot.

    Bypasses its constructor, which would unpickle unchecked files.
    """
    try:
        loaded: Any = getattr(import_module("torchvision.datasets"), kind)
    except ImportError as error:
        return f"torchvision cannot be imported: {error}"
    loader = loaded.__new__(loaded)
    loader.root = root
    try:
        loader.download()
    except Exception as error:  # torchvision's RuntimeError, or any error of the network
        return " ".join(str(error).split()) or type(error).__name__
    return None


def _checked(path: Path, md5: str, content: bytes) -> bytes:
    if md5 and hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
        raise _DamagedError(path, "its MD5 differs from the published one")
    return content


def _cifar(root: Path, expected: ImageSet) -> Iterator[tuple[Images, Ints]]:
    for file, md5 in expected.files.items():
        content = _checked(root / file, md5, read_bytes(root / file, LARGEST))
        entry = pickle.loads(content, encoding="latin1")
        labels = entry["labels"] if "labels" in entry else entry["fine_labels"]
        yield entry["data"].reshape(-1, 3, 32, 32), np.array(labels, np.int64)


def _idx(root: Path, expected: ImageSet) -> Iterator[tuple[Images, Ints]]:
    files = [(_found(root / file), md5) for file, md5 in expected.files.items()]
    for images, labels, count in zip(files[::2], files[1::2], expected.counts, strict=True):
        x = _read_idx(*images, (count, 28, 28))
        y = _read_idx(*labels, (count,))
        if y.max() >= expected.classes:
            raise _DamagedError(labels[0], f"labels are not all in 0..{expected.classes - 1}")
        yield x[:, None], y.astype(np.int64)


def _found(path: Path) -> Path:
    """The file at the path, or the first one that exists under its other names."""
    dotted = path.with_name(path.name.replace("-idx", ".idx"))
    names = (path, dotted) if path.name.endswith("-ubyte") else (path,)
    spelled = [p.with_name(p.name + suffix) for suffix in ("", ".gz") for p in names]
    return next((each for each in spelled if each.exists()), path)


def _read_idx(path: Path, md5: str, sizes: tuple[int, ...]) -> Images:
    # IDX: two zero bytes, 8 for uint8, the number of axes, then each axis' length.
    header = struct.pack(f">4B{len(sizes)}I", 0, 0, 8, len(sizes), *sizes)
    is_packed = path.suffix == ".gz"
    content = _unpacked(path, len(header) + math.prod(sizes) + 1) if is_packed else b""
    size = len(content) if is_packed else path.stat().st_size
    if size != len(header) + math.prod(sizes):
        raise _DamagedError(path, f"{size} bytes")
    content = content or read_bytes(path, size)
    if not content.startswith(header):
        raise _DamagedError(path, "its header is wrong")
    _checked(path, md5, content)
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(sizes)


def _unpacked(path: Path, most: int) -> bytes:
    """The first ``most`` bytes of what a ``.gz`` file holds."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(read_bytes(path, LARGEST))) as file:
            return file.read(most)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise _DamagedError(path, str(error)) from error
