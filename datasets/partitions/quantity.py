"""Clients differ in how much they have, not in what."""

from typing import Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from datasets.arrays import Arrays, Ints
from datasets.errors import DataError
from datasets.recipe import Recipe
from datasets.records import Count
from datasets.shares import cuts

DRAWS = 100
"""Draws of sizes at most before a partition is given up."""


class Quantity(Recipe):
    """Sizes in proportion to one draw from Dirichlet(alpha); samples of all labels, at random.

    Quantity skew as Li et al. (ICDE 2022) define it.
    """

    kind: Literal["quantity"]
    alpha: float = Field(gt=0, le=1e9)
    """Towards 0 one client has nearly all; towards infinity all have the same number."""
    min_size: Count = 10
    """Samples that every client must get; a draw that gives one fewer is repeated."""

    @property
    def words(self) -> str:
        """The distribution of sizes."""
        return f"sizes by Dirichlet({self.alpha:g})"

    def deal(self, arrays: Arrays, rng: Generator) -> list[Ints]:
        """Raise DataError where no draw gives every client enough."""
        members = rng.permutation(len(arrays.y))
        for _ in range(DRAWS):
            where = cuts(rng.dirichlet(np.full(self.clients, self.alpha)), len(members), 0)
            parts = np.split(members, where)
            if min(map(len, parts)) >= self.min_size:
                return parts
        raise DataError(
            f"quantity: none of {DRAWS} draws with alpha={self.alpha:g} gave each of "
            f"clients={self.clients} the minimum of min_size={self.min_size}, of {len(members)} "
            "samples; raise alpha, or lower clients or min_size"
        )
