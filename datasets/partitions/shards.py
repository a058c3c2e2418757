"""Pathological label skew: each client holds a shard of a few labels."""

from typing import Annotated, Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import Field

from datasets.arrays import Arrays, Ints
from datasets.errors import DataError
from datasets.recipe import Recipe
from datasets.records import Count
from datasets.shares import cuts, enough


class Shards(Recipe):
    """Each client holds exactly ``labels_per_client`` labels, and a shard of each one's samples.

    This is the pathological partition of McMahan et al. (AISTATS 2017), balanced: any two labels
    have the same number of holders, up to one.
    """

    kind: Literal["shards"]
    labels_per_client: Count
    """Labels per client, from 1 to the number of labels that occur (every client then holds all).
    clients * labels_per_client must be at least that number."""
    sizes: Literal["equal", "lognormal"] = "equal"
    """``equal``: the shards of a label differ by one sample at most. ``lognormal``: their sizes are
    proportional to draws from lognormal(0, sigma), at least one sample each."""
    sigma: Annotated[float, Field(gt=0, le=10)] = 1.0
    """Spread of lognormal sizes. Towards 0 shards become equal; a large value gives nearly all
    samples of a label to one client. The paper's CIFAR-10 was drawn with 2."""

    @property
    def words(self) -> str:
        """Labels per client and the kind of sizes, as in ``3 labels each, equal sizes``."""
        return f"{self.labels_per_client} labels each, {self.sizes} sizes"

    def deal(self, arrays: Arrays, rng: Generator) -> list[Ints]:
        """Deal every label's samples to its holders.

        Raises DataError if there are too few labels, or too few samples of one.
        """
        values, clients, labels = np.unique(arrays.y), self.clients, arrays.y
        enough(labels, clients, "the data set")
        held = self.labels_per_client
        if held > len(values) or clients * held < len(values):
            raise DataError(
                f"labels_per_client={held} must be in 1..{len(values)}, and times "
                f"clients={clients} at least {len(values)}, the number of labels"
            )
        holds = self._holders(len(values), rng)
        parts: list[list[Ints]] = [[] for _ in range(clients)]
        for value, holder in zip(values, holds.T, strict=True):
            members = rng.permutation(np.flatnonzero(labels == value))
            count = int(holder.sum())
            enough(members, count, f"label {value}")
            for u, shard in zip(
                np.flatnonzero(holder), self._cut(members, count, rng), strict=True
            ):
                parts[u].append(shard)
        return [np.concatenate(shares) for shares in parts]

    def _holders(self, values: int, rng: Generator) -> NDArray[np.bool_]:
        """A boolean table (clients, values): True where the client holds the label."""
        holds = np.zeros((self.clients, values), bool)
        holders = np.zeros(values, np.int64)
        for client in holds:
            # Labels with the fewest holders come first; ties are broken at random.
            order = np.lexsort((rng.random(values), holders))
            client[order[: self.labels_per_client]] = True
            holders += client
        return holds

    def _cut(self, members: Ints, count: int, rng: Generator) -> list[Ints]:
        """Cut one label's samples into ``count`` shards."""
        if self.sizes == "equal":
            return np.array_split(members, count)
        return np.split(members, cuts(rng.lognormal(0, self.sigma, count), len(members), 1))
