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
"""Maximum number of draws before the partition is refused."""


class Dirichlet(Recipe):
    """Each label is shared out over the clients in proportions drawn from Dirichlet(alpha).

    This is the scheme of Yurochkin et al. (ICML 2019), one draw per label. Hsu et al. (2019)
    draw label proportions per client instead, with fixed sizes of clients.
    """

    kind: Literal["dirichlet"]
    alpha: float = Field(gt=0, le=1e9)
    """Concentration. Towards 0 each label goes to one client; towards infinity every client has the
    same share of each label (IID)."""
    min_size: Count = 10
    """Minimum number of samples per client; a draw that gives a client fewer is repeated."""

    cap: Literal["none", "even_share"] = "none"
    """``even_share``: labels are dealt in increasing order, and a client that already holds an even
    share of all samples (n / clients) gets none of the remaining labels; the other clients'
    proportions are scaled up. Sizes are then more even. PFLlib deals so, as did the code of
    Yurochkin et al. ``none``: no limit."""

    @property
    def words(self) -> str:
        """The distribution, as in ``Dirichlet(0.1)``."""
        capped = ", capped sizes" if self.cap == "even_share" else ""
        return f"Dirichlet({self.alpha:g}){capped}"

    def deal(self, arrays: Arrays, rng: Generator) -> list[Ints]:
        """One draw that gives every client ``min_size`` samples; DataError if there is none."""
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
            if not shares.sum() > 0:  # only clients at their cap have a share
                return [np.empty(0, np.int64)] * self.clients
            where = cuts(shares, len(members), 0)
            for part, share in zip(parts, np.split(members, where), strict=True):
                part.append(share)
        return [np.concatenate(part) for part in parts]
