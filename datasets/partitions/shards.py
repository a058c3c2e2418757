"""Each client holds a few labels, and a shard of each one's samples."""

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

    The pathological partition of McMahan et al. (AISTATS 2017), with labels assigned so that
    the numbers of clients which hold them differ by one at most.
    """

    kind: Literal["shards"]
    labels_per_client: Count
    """1 up to the number of labels that occur, in which case every client holds all;
    clients * labels_per_client must reach that number."""
    sizes: Literal["equal", "lognormal"] = "equal"
    """equal: a label's shards differ by one sample at most; lognormal: they are in proportion to
    lognormal(0, sigma) draws, one sample at least."""
    sigma: Annotated[float, Field(gt=0, le=10)] = 1.0
    """Used by lognormal sizes only; towards 0 shards become equal, a large one gives nearly all of
    a label to one client. The paper's CIFAR-10 was drawn with 2."""

    @property
    def words(self) -> str:
        """Labels per client, and their sizes."""
        return f"{self.labels_per_client} labels each, {self.sizes} sizes"

    def deal(self, arrays: Arrays, rng: Generator) -> list[Ints]:
        """Raise DataError where labels or their samples do not suffice for the clients."""
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
        """Who holds which label: (clients, values)."""
        holds = np.zeros((self.clients, values), bool)
        holders = np.zeros(values, np.int64)
        for client in holds:
            # The labels held least so far, in random order among equals.
            order = np.lexsort((rng.random(values), holders))
            client[order[: self.labels_per_client]] = True
            holders += client
        return holds

    def _cut(self, members: Ints, count: int, rng: Generator) -> list[Ints]:
        """One label's samples in ``count`` shards."""
        if self.sizes == "equal":
            return np.array_split(members, count)
        return np.split(members, cuts(rng.lognormal(0, self.sigma, count), len(members), 1))
