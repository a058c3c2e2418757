"""Recipes from few words, and labels to deal."""

import json
from typing import Any

import numpy as np

from datasets import Arrays
from datasets.arrays import Ints
from datasets.partitions import KINDS
from datasets.recipe import Recipe

PAIRS = [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]


def seeded(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def labels(seed: int) -> Ints:
    """A few dozen samples of each of ten labels, in random order."""
    rng = seeded(seed)
    return rng.permutation(np.repeat(np.arange(10), rng.integers(25, 60, 10)))


def data(y: Ints, client: Ints | None = None) -> Arrays:
    return Arrays("test", np.empty((len(y), 0)), y, 10, client)


def recipe(kind: str, clients: int = 20, **words: Any) -> Recipe:
    whole = {"kind": kind, "clients": clients, "train_fraction": 0.75, **words}
    return KINDS[kind].model_validate_json(json.dumps(whole))


def deal(y: Ints, seed: int, kind: str, clients: int = 20, **words: Any) -> list[Ints]:
    return recipe(kind, clients, **words).deal(data(y), seeded(seed))
