"""The image sets that torchvision fetches: MNIST, Fashion-MNIST, CIFAR-10, CIFAR-100.

Its files are read here, so that no byte of them is believed, and no pickle opened, unchecked.
"""

import hashlib
import math
import pickle
import struct
from collections.abc import Iterator
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
    """How many images a complete copy has, in training and test part, and their shape."""

    kind: str  # the class in torchvision.datasets
    classes: int
    counts: tuple[int, int]
    shape: tuple[int, int, int]


IMAGE_SETS = {
    "mnist": ImageSet("MNIST", 10, (60_000, 10_000), (1, 28, 28)),
    "fashion_mnist": ImageSet("FashionMNIST", 10, (60_000, 10_000), (1, 28, 28)),
    "cifar10": ImageSet("CIFAR10", 10, (50_000, 10_000), (3, 32, 32)),
    "cifar100": ImageSet("CIFAR100", 100, (50_000, 10_000), (3, 32, 32)),
}


def load_images(name: str, root: Path, download: bool) -> Arrays:
    """The image set `name` under `root` in torchvision's layout, training part then test part.

    Returns x (n, channels, height, width) uint8 and y (n,). CIFAR's files are compared with the
    MD5 that torchvision lists before they are unpickled; of MNIST's, which are lists of bytes,
    header, size and label range are checked.
    Raises DataError if a file is missing, incomplete or damaged, or cannot be downloaded.
    """
    expected = IMAGE_SETS[name]
    try:
        kind = getattr(import_module("torchvision.datasets"), expected.kind)
    except ImportError as error:
        raise DataError(f"{name}: torchvision cannot be imported; install it ({error})") from error
    failed = _fetch(kind, root) if download else None
    try:
        parts = list((_cifar if hasattr(kind, "base_folder") else _idx)(kind, root, expected))
    except _DamagedError as error:
        path, fault = error.args
        raise DataError(
            f"{name}: {path} is damaged ({fault}); delete it and pass --download, {ELSEWHERE}"
        ) from error
    except FileNotFoundError as error:
        if failed:
            how = f"could not be downloaded ({failed}); fetch it by hand"
        else:
            how = "is missing; pass --download to fetch it"
        raise DataError(f"{name}: {error.filename} {how}, {ELSEWHERE}") from error
    except (OSError, ValueError) as error:
        raise DataError(
            f"{name}: the files under {root} cannot be used ({error}); replace them, {ELSEWHERE}"
        ) from error
    x, y = (np.concatenate(both) for both in zip(*parts, strict=True))
    return Arrays(name, x, y, expected.classes)


class _DamagedError(Exception):
    """A file is not what it should be: its path, and why."""


def _fetch(kind: Any, root: Path) -> str | None:
    """Let torchvision download what is missing, and check it; the reason why it cannot.

    Without its constructor, which would read whatever lies there.
    """
    loader = kind.__new__(kind)
    loader.root = root
    try:
        loader.download()
    except Exception as error:  # its own RuntimeError, and whatever the network raises
        return " ".join(str(error).split()) or type(error).__name__
    return None


def _cifar(kind: Any, root: Path, _: ImageSet) -> Iterator[tuple[Images, Ints]]:
    meta = (kind.meta["filename"], kind.meta["md5"])
    for file, md5 in (*kind.train_list, *kind.test_list, meta):
        path = root / kind.base_folder / file
        content = read_bytes(path, LARGEST)
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
            raise _DamagedError(path, "its MD5 differs from torchvision's")
        if file != meta[0]:
            entry = pickle.loads(content, encoding="latin1")
            labels = entry["labels"] if "labels" in entry else entry["fine_labels"]
            yield entry["data"].reshape(-1, 3, 32, 32), np.array(labels, np.int64)


def _idx(_: Any, root: Path, expected: ImageSet) -> Iterator[tuple[Images, Ints]]:
    folder = root / expected.kind / "raw"
    for part, count in zip(("train", "t10k"), expected.counts, strict=True):
        x = _read_idx(folder / f"{part}-images-idx3-ubyte", (count, 28, 28))
        y = _read_idx(path := folder / f"{part}-labels-idx1-ubyte", (count,))
        if y.max() >= expected.classes:
            raise _DamagedError(path, f"labels are not all in 0..{expected.classes - 1}")
        yield x[:, None], y.astype(np.int64)


def _read_idx(path: Path, sizes: tuple[int, ...]) -> Images:
    # IDX: two zero bytes, 8 for uint8, the number of axes, then each axis' length.
    header = struct.pack(f">4B{len(sizes)}I", 0, 0, 8, len(sizes), *sizes)
    size = path.stat().st_size
    if size != len(header) + math.prod(sizes):
        raise _DamagedError(path, f"{size} bytes")
    content = read_bytes(path, size)
    if not content.startswith(header):
        raise _DamagedError(path, "its header is wrong")
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(sizes)
