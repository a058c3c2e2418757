"""A random partition: every client has samples of the whole data set."""

from typing import Literal

import numpy as np
from numpy.random import Generator

from datasets.arrays import Arrays, Ints
from datasets.recipe import Recipe
from datasets.shares import enough


class Iid(Recipe):
    """All samples are shuffled and dealt out; clients' sizes differ by one at most."""

    kind: Literal["iid"]

    @property
    def words(self) -> str:
        """The word ``IID``."""
        return "IID"

    def deal(self, arrays: Arrays, rng: Generator) -> list[Ints]:
        """Equal parts of a permutation. Raises DataError for more clients than samples."""
        enough(arrays.y, self.clients, "the data set")
        return list(np.array_split(rng.permutation(len(arrays.y)), self.clients))
