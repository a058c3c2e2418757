"""The image sets that torchvision reads: MNIST, Fashion-MNIST, CIFAR-10, CIFAR-100."""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from datasets.arrays import Arrays, DataError

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

    Returns x (n, channels, height, width) uint8 and y (n,). torchvision checks CIFAR's files
    against their MD5 before it unpickles them; of MNIST's, shapes and label range are checked.
    Raises DataError if a file is missing, incomplete or damaged, or cannot be downloaded.
    """
    expected = IMAGE_SETS[name]
    try:
        kind = getattr(import_module("torchvision.datasets"), expected.kind)
    except ImportError as error:
        raise DataError(f"{name}: torchvision cannot be imported; install it ({error})") from error
    try:
        parts = [_part(kind(root, train=train, download=download)) for train in (True, False)]
    # Besides its own RuntimeError, torchvision lets out whatever its readers meet in a bad file
    # (EOFError, AssertionError, KeyError, ...) and whatever the network raises.
    except Exception as error:
        raise DataError(_explain(name, kind, root, download, error)) from error
    for count, (x, y) in zip(expected.counts, parts, strict=True):
        complete = x.shape == (count, *expected.shape) and y.shape == (count,)
        if not complete or y.min() < 0 or y.max() >= expected.classes:
            found = ValueError(f"images {x.shape}, labels {y.shape}, or labels out of range")
            raise DataError(_explain(name, kind, root, download, found))
    x, y = (np.concatenate(both) for both in zip(*parts, strict=True))
    return Arrays(name, x, y, expected.classes)


def _part(part: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    x, y = np.asarray(part.data), np.asarray(part.targets, dtype=np.int64)
    return (x[:, None] if x.ndim == 3 else x.transpose(0, 3, 1, 2)), y


def _explain(name: str, kind: Any, root: Path, download: bool, error: Exception) -> str:
    """One line: the first file at fault if one is found, the reason given, and the remedy."""
    reason = " ".join(str(error).split()) or type(error).__name__
    files = _cifar_faults(kind, root) if hasattr(kind, "base_folder") else _idx_faults(name, root)
    try:
        path, fault = next(files, (None, ""))
    except OSError as unreadable:
        path, reason = None, str(unreadable)
    if path is None:
        return (
            f"{name}: the files under {root} cannot be used ({reason}); replace them, {ELSEWHERE}"
        )
    if fault != "missing":
        return f"{name}: {path} is damaged ({fault}); delete it and pass --download, {ELSEWHERE}"
    if download:
        return f"{name}: {path} could not be downloaded ({reason}); fetch it by hand, {ELSEWHERE}"
    return f"{name}: {path} is missing; pass --download to fetch it, {ELSEWHERE}"


def _cifar_faults(kind: Any, root: Path) -> Iterator[tuple[Path, str]]:
    meta = (kind.meta["filename"], kind.meta["md5"])
    for file, md5 in (*kind.train_list, *kind.test_list, meta):
        path = root / kind.base_folder / file
        if not path.is_file():
            yield path, "missing"
        elif hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != md5:
            yield path, "its MD5 differs from torchvision's"


def _idx_faults(name: str, root: Path) -> Iterator[tuple[Path, str]]:
    expected = IMAGE_SETS[name]
    folder = root / expected.kind / "raw"
    for part, count in zip(("train", "t10k"), expected.counts, strict=True):
        for kind, sizes in (("images-idx3", (count, 28, 28)), ("labels-idx1", (count,))):
            path = folder / f"{part}-{kind}-ubyte"
            # IDX: two zero bytes, 8 for uint8, the number of axes, then each axis' length.
            header = struct.pack(f">4B{len(sizes)}I", 0, 0, 8, len(sizes), *sizes)
            if not path.is_file():
                yield path, "missing"
            elif path.stat().st_size != len(header) + np.prod(sizes):
                yield path, f"{path.stat().st_size} bytes"
            else:
                content = path.read_bytes()
                if not content.startswith(header):
                    yield path, "its header is wrong"
                elif len(sizes) == 1 and max(content[len(header) :]) >= expected.classes:
                    yield path, f"labels are not all in 0..{expected.classes - 1}"
