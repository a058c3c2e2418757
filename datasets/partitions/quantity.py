"""Quantity skew: clients differ in the number of their samples, not in their labels."""

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
"""Maximum number of draws before the partition is refused."""


class Quantity(Recipe):
    """Clients' sizes follow one draw from Dirichlet(alpha); their samples are random.

    Li et al. (ICDE 2022) define quantity skew so.
    """

    kind: Literal["quantity"]
    alpha: float = Field(gt=0, le=1e9)
    """Concentration. Towards 0 one client has nearly all samples; towards infinity all clients have
    the same number."""
    min_size: Count = 10
    """Minimum number of samples per client; a draw that gives a client fewer is repeated."""

    @property
    def words(self) -> str:
        """The distribution of sizes, as in ``sizes by Dirichlet(0.5)``."""
        return f"sizes by Dirichlet({self.alpha:g})"

    def deal(self, arrays: Arrays, rng: Generator) -> list[Ints]:
        """One draw that gives every client ``min_size`` samples; DataError if there is none."""
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
