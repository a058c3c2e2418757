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

    cap: Literal["none", "even_share"] = "none"
    """even_share: a client that holds as many samples as an even share of all (n / clients) gets
    none of the labels still to be dealt, in increasing order, and the others' proportions are
    scaled up, as PFLlib and, before it, the code of Yurochkin et al. deal; sizes are then more
    even."""

    @property
    def words(self) -> str:
        """The distribution."""
        capped = ", capped sizes" if self.cap == "even_share" else ""
        return f"Dirichlet({self.alpha:g}){capped}"

    def deal(self, arrays: Arrays, rng: Generator) -> list[Ints]:
        """Raise DataError where no draw gives every client enough."""
        if self.clients * self.min_size > len(arrays.y):
            raise DataError(
                f"dirichlet: clients={self.clients} with min_size={self.min_size} samples each; "
                f"there are {len(arrays.y)} samples"
            )
        for _ in range(DRAWS):
            parts = self._draw_once(arrays.y, rng)
            if min(map(len, parts)) >= self.min_size:
                return parts
        raise DataError(
            f"dirichlet: none of {DRAWS} draws with alpha={self.alpha:g} gave each of "
            f"clients={self.clients} the minimum of min_size={self.min_size}; raise alpha, or "
            "lower clients or min_size"
        )

    def _draw_once(self, labels: Ints, rng: Generator) -> list[Ints]:
        parts: list[list[Ints]] = [[] for _ in range(self.clients)]
        for value in np.unique(labels):
            members = rng.permutation(np.flatnonzero(labels == value))
            shares = rng.dirichlet(np.full(self.clients, self.alpha))
            if self.cap == "even_share":
                sizes = [sum(map(len, part)) for part in parts]
                shares *= np.array(sizes) * self.clients < len(labels)
            if not shares.sum() > 0:  # all the mass fell to clients that are full
                return [np.empty(0, np.int64)] * self.clients
            where = cuts(shares, len(members), 0)
            for part, share in zip(parts, np.split(members, where), strict=True):
                part.append(share)
        return [np.concatenate(part) for part in parts]
