"""From a cell's words to its data: arrays, scaled inputs, and the partition, once each."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import datasets
from benchmark.engine.streams import stream
from benchmark.spec import Data, Dirichlet, Given, Iid, LabelGroups, PartitionSpec, Shards
from datasets import Arrays, Partition
from datasets import partition as recipes


@dataclass(frozen=True)
class Source:
    """Where data sets come from: a folder (None: the default one), and whether to fetch them."""

    root: Path | None = None
    download: bool = False


@lru_cache(maxsize=1)
def arrays_of(
    data_name: str, options: tuple[tuple[str, float | int], ...], source: Source
) -> Arrays:
    """A data set as its source stores it."""
    return datasets.load(
        data_name, root=source.root, download=source.download, options=dict(options)
    )


@lru_cache(maxsize=1)
def _inputs(
    name: str, options: tuple[tuple[str, float | int], ...], scaling: str, source: Source
) -> NDArray[np.float32]:
    return datasets.scale(arrays_of(name, options, source).x, scaling)


def load(data: Data, source: Source) -> tuple[Arrays, NDArray[np.float32]]:
    """A cell's data set, and its inputs scaled as the cell says; the last one is kept."""
    options = tuple(sorted(data.options.items()))
    arrays = arrays_of(data.name, options, source)
    return arrays, _inputs(data.name, options, data.scaling, source)


def partition_of(spec: PartitionSpec, arrays: Arrays, seed: int) -> Partition:
    """The index lists of a specification for a run's seed; the same for every method."""
    rng = stream(seed if spec.seed is None else spec.seed, "partition")
    y, clients = arrays.y, spec.clients
    match spec:
        case LabelGroups():
            parts = recipes.label_groups(y, clients, rng, spec.groups)
        case Shards():
            parts = recipes.shards(
                y, clients, rng, spec.labels_per_client, sizes=spec.sizes, sigma=spec.sigma
            )
        case Dirichlet():
            parts = recipes.dirichlet(y, clients, rng, spec.alpha, min_size=spec.min_size)
        case Iid():
            parts = recipes.iid(y, clients, rng)
        case Given():
            parts = _given(arrays, clients)
        case _:
            deal = {"pfedme_mnist": recipes.pfedme_mnist, "pfedme_cifar10": recipes.pfedme_cifar10}
            parts = deal[spec.kind](y)
    recipe: dict[str, Any] = spec.model_dump(mode="json") | {"data": arrays.name}
    order = None if spec.order == "as_given" else rng
    strata = y if spec.order == "stratified" else None
    return recipes.split(parts, spec.train_fraction, order, recipe, strata)


def _given(arrays: Arrays, clients: int) -> list[NDArray[np.int64]]:
    if arrays.client is None:
        raise datasets.DataError(f"partition.kind = given: {arrays.name} names no clients")
    parts = recipes.given(arrays.client)
    if len(parts) != clients:
        raise datasets.DataError(
            f"partition.clients is {clients}, but {arrays.name} has {len(parts)} clients"
        )
    return parts
