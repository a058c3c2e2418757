"""Load a data set by its name: `load("mnist")`."""

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from datasets.arrays import Arrays
from datasets.errors import DataError
from datasets.images import IMAGE_SETS, load_images, require_images
from datasets.synthetic import synthetic

Options = Mapping[str, float | int]

#: Every source's name, with its options and their defaults.
SOURCES: Mapping[str, Options] = {
    "synthetic": {"alpha": 0.5, "beta": 0.5, "clients": 100, "seed": 0},
    "digits": {},
    **{name: {} for name in IMAGE_SETS},
}


def load(
    name: str,
    *,
    root: Path | None = None,
    download: bool = False,
    options: Options = MappingProxyType({}),
) -> Arrays:
    """The data set `name`, whole: training and test parts of image sets follow each other.

    name: one of SOURCES. options: values for keys of SOURCES[name]; other keys keep their
        defaults.
    root: the folder of image sets, in torchvision's layout. None: PFL_DATA_ROOT of the
        environment, or ~/.cache/pfl-benchmark if that is unset or empty.
    download: whether to fetch files that are missing from `root`.

    Raises DataError for an unknown name or option, an option outside its range, and a file that
    is missing, incomplete or damaged.
    """
    if name not in SOURCES:
        raise DataError(f"unknown data set {name!r}; there are: {', '.join(SOURCES)}")
    unknown = sorted(set(options) - set(SOURCES[name]))
    if unknown:
        allowed = ", ".join(SOURCES[name]) or "none"
        raise DataError(f"{name} has no option {', '.join(unknown)}; its options: {allowed}")
    if name == "synthetic":
        chosen: dict[str, Any] = {**SOURCES[name], **options}
        return synthetic(**chosen)
    if name == "digits":
        return digits()
    return load_images(name, data_root() if root is None else root.expanduser(), download)


def require(name: str, *, root: Path | None = None, download: bool = False) -> None:
    """Raise DataError unless all files of the data set `name` exist; see `load`.

    A quick check before long work: it may download files, but reads none.
    """
    if name in IMAGE_SETS:
        require_images(name, data_root() if root is None else root.expanduser(), download)


def data_root() -> Path:
    """The default folder of image sets: PFL_DATA_ROOT or ~/.cache/pfl-benchmark."""
    return Path(os.environ.get("PFL_DATA_ROOT") or "~/.cache/pfl-benchmark").expanduser()


def digits() -> Arrays:
    """scikit-learn's handwritten digits (UCI, 1998): no download, small enough for any test.

    Returns x (1797, 1, 8, 8) float32 in 0..16 and y (1797,) in 0..9.
    Raises DataError if scikit-learn is not installed.
    """
    try:
        bunch = import_module("sklearn.datasets").load_digits()
    except ImportError as error:
        raise DataError(f"digits: install scikit-learn to use it ({error})") from error
    x, y = bunch.images[:, None].astype(np.float32), bunch.target.astype(np.int64)
    return Arrays("digits", x, y, classes=10)
