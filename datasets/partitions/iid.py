"""Every client draws from the whole data set."""

from typing import Literal

import numpy as np
from numpy.random import Generator

from datasets.arrays import Arrays, Ints
from datasets.recipe import Recipe
from datasets.shares import enough


class Iid(Recipe):
    """All samples shuffled and dealt out in parts that differ by one at most."""

    kind: Literal["iid"]

    @property
    def words(self) -> str:
        """IID."""
        return "IID"

    def deal(self, arrays: Arrays, rng: Generator) -> list[Ints]:
        """At least one sample for each client, or DataError."""
        enough(arrays.y, self.clients, "the data set")
        return list(np.array_split(rng.permutation(len(arrays.y)), self.clients))
