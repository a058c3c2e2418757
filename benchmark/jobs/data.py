"""From a cell's words to its data: arrays, scaled inputs, and the partition, once each."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import datasets
from benchmark.engine.streams import stream
from benchmark.spec import Data, PartitionSpec
from datasets import Arrays, DataError, Partition


@dataclass(frozen=True)
class Source:
    """Where data sets come from: a folder (None: the default one), and whether to fetch them."""

    root: Path | None = None
    download: bool = False


@lru_cache(maxsize=1)
def _arrays(data_name: str, options: tuple[tuple[str, float | int], ...], source: Source) -> Arrays:
    return datasets.load(
        data_name, root=source.root, download=source.download, options=dict(options)
    )


@lru_cache(maxsize=1)
def _inputs(
    name: str, options: tuple[tuple[str, float | int], ...], scaling: str, source: Source
) -> NDArray[np.float32]:
    return datasets.scale(_arrays(name, options, source).x, scaling)


def require(names: Iterable[str], source: Source) -> None:
    """Fetch these data sets if asked to; raise DataError where the files of one are missing."""
    for name in dict.fromkeys(names):
        datasets.require(name, root=source.root, download=source.download)


def arrays_of(data: Data, source: Source) -> Arrays:
    """A cell's data set as its source stores it; the last one is kept."""
    return _arrays(data.name, tuple(sorted(data.options.items())), source)


def load(data: Data, source: Source) -> tuple[Arrays, NDArray[np.float32]]:
    """A cell's data set, and its inputs scaled as the cell says; the last one is kept."""
    options = tuple(sorted(data.options.items()))
    return arrays_of(data, source), _inputs(data.name, options, data.scaling, source)


def partition_of(spec: PartitionSpec, arrays: Arrays, seed: int) -> Partition:
    """The index lists of a specification for a run's seed; the same for every method.

    Raises DataError, naming the seed, where it has none.
    """
    own = seed if spec.seed is None else spec.seed
    try:
        return spec.draw(arrays, stream(own, "partition"))
    except DataError as error:
        raise DataError(f"no partition for seed {own}: {error}") from None
