"""Each client holds the labels of its group."""

from typing import Literal

import numpy as np
from numpy.random import Generator

from datasets.arrays import Arrays, Ints
from datasets.errors import DataError
from datasets.recipe import Recipe
from datasets.shares import enough


class LabelGroups(Recipe):
    """Client u holds the labels of group u mod len(groups); its holders share a label equally.

    With groups (0,1) (2,3) (4,5) (6,7) (8,9) and 20 clients this is MNIST in the paper's text.
    Each label's images are shuffled and split by `numpy.array_split`. With training on
    floor(0.75 n) images, 17,507 remain for testing; the paper's accuracies are multiples of
    1/17,507. (Splitting the images of both labels together would leave 17,508.)
    """

    kind: Literal["label_groups"]
    groups: tuple[tuple[int, ...], ...]
    """Labels of each group. Every label that occurs must be in a group, and no other label. Groups
    may overlap: a label in two groups is split among the clients of both."""

    @property
    def words(self) -> str:
        """Labels per client, as in ``2 labels each``."""
        sizes = sorted({len(group) for group in self.groups})
        overlap = sum(map(len, self.groups)) > len({*self._named})
        return f"{' or '.join(map(str, sizes))} labels each{', overlapping' if overlap else ''}"

    @property
    def _named(self) -> list[int]:
        """Every label once, in the order of the groups."""
        return list(dict.fromkeys(label for group in self.groups for label in group))

    def deal(self, arrays: Arrays, rng: Generator) -> list[Ints]:
        """Split every label among its holders.

        Raises DataError if the groups do not fit the labels or the number of clients.
        """
        groups, clients, labels = self.groups, self.clients, arrays.y
        enough(labels, clients, "the data set")
        occurring = np.unique(labels).tolist()
        if sorted(self._named) != occurring or any(len({*g}) < max(1, len(g)) for g in groups):
            raise DataError(
                f"groups must name each of the labels {occurring}, and no group be empty or name "
                f"one twice: {[list(group) for group in groups]}"
            )
        if clients % len(groups):
            raise DataError(f"clients={clients} must be a multiple of the {len(groups)} groups")
        parts: list[list[Ints]] = [[] for _ in range(clients)]
        for label in self._named:
            members = rng.permutation(np.flatnonzero(labels == label))
            holders = [p for u, p in enumerate(parts) if label in groups[u % len(groups)]]
            enough(members, len(holders), f"label {label}")
            for part, share in zip(holders, np.array_split(members, len(holders)), strict=True):
                part.append(share)
        return [np.concatenate(part) for part in parts]
