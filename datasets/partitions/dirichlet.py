"""Each label is shared out over the clients in proportions drawn from a Dirichlet distribution."""

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
"""Partitions that are drawn at most before one is given up."""


class Dirichlet(Recipe):
    """Each label is shared out over the clients in proportions drawn from Dirichlet(alpha).

    Yurochkin et al. (ICML 2019) draw so for each label; Hsu et al. (2019) draw label
    proportions for each client, which fixes the clients' sizes instead.
    """

    kind: Literal["dirichlet"]
    alpha: float = Field(gt=0, le=1e9)
    """Towards 0 each label goes to one client; towards infinity every client has the same share of
    each label (IID)."""
    min_size: Count = 10
    """Samples that every client must get; a draw that gives one fewer is repeated."""

    @property
    def words(self) -> str:
        """The distribution."""
        return f"Dirichlet({self.alpha:g})"

    def deal(self, arrays: Arrays, rng: Generator) -> list[Ints]:
        """Raise DataError where no draw gives every client enough."""
        if self.clients * self.min_size > len(arrays.y):
            raise DataError(
                f"dirichlet: clients={self.clients} with min_size={self.min_size} samples each; "
                f"there are {len(arrays.y)} samples"
            )
        for _ in range(DRAWS):
            parts = self._drawn(arrays.y, rng)
            if min(map(len, parts)) >= self.min_size:
                return parts
        raise DataError(
            f"dirichlet: none of {DRAWS} draws with alpha={self.alpha:g} gave each of "
            f"clients={self.clients} the minimum of min_size={self.min_size}; raise alpha, or "
            "lower clients or min_size"
        )

    def _drawn(self, labels: Ints, rng: Generator) -> list[Ints]:
        parts: list[list[Ints]] = [[] for _ in range(self.clients)]
        for value in np.unique(labels):
            members = rng.permutation(np.flatnonzero(labels == value))
            shares = rng.dirichlet(np.full(self.clients, self.alpha))
            where = cuts(shares, len(members), 0)
            for part, share in zip(parts, np.split(members, where), strict=True):
                part.append(share)
        return [np.concatenate(part) for part in parts]
