"""The data of a cell: arrays, scaled inputs and the partition, each made once."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import datasets
from benchmark.engine.streams import stream
from benchmark.spec import Cell, Data, PartitionSpec
from datasets import Arrays, DataError, Inputs, Partition


@dataclass(frozen=True)
class Source:
    """The folder of data sets (None: the default one), and whether to download missing ones."""

    root: Path | None = None
    """The folder of data sets. None: the default one."""
    download: bool = False
    """True: download missing data sets."""


@lru_cache(maxsize=1)
def _arrays(data_name: str, options: tuple[tuple[str, float | int], ...], source: Source) -> Arrays:
    return datasets.load(
        data_name, root=source.root, download=source.download, options=dict(options)
    )


@lru_cache(maxsize=1)
def _own(name: str, path: str, label: str | None, client: str | None, sha256: str) -> Arrays:
    arrays = datasets.load_own(name, Path(path), label, client)
    if datasets.digest_of(Path(path)) != sha256:
        raise DataError(f"{path}: edited since the run was planned; start it again")
    return arrays


def require(names: Iterable[str], source: Source) -> None:
    """Fetch these data sets if asked to. Raises DataError if files of one are missing."""
    for name in dict.fromkeys(names):
        datasets.require(name, root=source.root, download=source.download)


def arrays_of(data: Data, source: Source) -> Arrays:
    """A cell's data set, unscaled; the last one is cached."""
    if data.path is not None and data.sha256 is not None:
        return _own(data.name, data.path, data.label, data.client, data.sha256)
    return _arrays(data.name, tuple(sorted(data.options.items())), source)


@dataclass(frozen=True)
class Material:
    """The data of a run."""

    arrays: Arrays
    """The data set, unscaled."""
    partition: Partition
    """The index lists of every client."""
    inputs: Inputs
    """The scaled samples."""


def material(cell: Cell, seed: int, source: Source) -> Material:
    """The data of the run (cell, seed). Raises DataError if they are not available."""
    arrays = arrays_of(cell.data, source)
    partition = partition_of(cell.partition, arrays, seed)
    turns = cell.partition.quarter_turns(partition, len(arrays.y))
    return Material(arrays, partition, Inputs(arrays.x, cell.data.scaling, turns))


def partition_of(spec: PartitionSpec, arrays: Arrays, seed: int) -> Partition:
    """The partition of a specification for a run's seed; the same for every method.

    Raises DataError, which names the seed, if the data set does not allow it.
    """
    own = seed if spec.seed is None else spec.seed
    try:
        return spec.draw(arrays, stream(own, "partition"))
    except DataError as error:
        raise DataError(f"no partition for seed {own}: {error}") from None
