"""Where the samples of a federation lie on a device: client by client, in blocks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.engine.deferred import gram

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Blocks:
    """Samples grouped by client into blocks of equal length, the last of each padded.

    Client i's sample j lies in block ``first[i] + j // B`` at place ``j % B``; a block is a
    mini-batch in fixed order as it stands.
    """

    x: Tensor  # (M, B, …)
    y: Tensor  # (M, B) int64
    mask: Tensor  # (M, B) 0 or 1, in x's dtype
    owner: Tensor  # (M,) the client
    first: Ints  # (N,)
    count: Ints  # (N,) blocks of each client
    size: Ints  # (N,) samples of each client
    _grams: dict[int, Tensor] = field(default_factory=dict, repr=False)

    def gram(self, block: int) -> Tensor:
        """(B, B) the products of a block's samples with one another, computed once."""
        if block not in self._grams:
            self._grams[block] = gram(self.x[block])
        return self._grams[block]

    @cached_property
    def membership(self) -> Tensor:
        """(M, N) float64: 1 where the block is the client's; sums by client are products with
        it, whose order of summation is fixed."""
        return torch.nn.functional.one_hot(self.owner, len(self.size)).to(torch.float64)

    @staticmethod
    def of(
        x: NDArray[np.generic], y: Ints, parts: Sequence[Ints], length: int, device: torch.device
    ) -> "Blocks":
        """Lay out the samples of each client's index list in blocks of ``length``."""
        size = np.array([len(part) for part in parts], dtype=np.int64)
        count = -(-size // length)
        first = np.concatenate([[0], np.cumsum(count)[:-1]]).astype(np.int64)
        place = np.concatenate(
            [f * length + np.arange(n) for f, n in zip(first, size, strict=True)]
        )
        index = np.concatenate(parts)
        total = int(count.sum()) * length

        def blocked(values: Tensor) -> Tensor:
            flat = torch.zeros((total, *values.shape[1:]), dtype=values.dtype)
            flat[torch.from_numpy(place)] = values
            return flat.view(-1, length, *values.shape[1:]).to(device)

        inputs = torch.from_numpy(x[index])
        owner = torch.from_numpy(np.repeat(np.arange(len(parts)), count))
        return Blocks(
            blocked(inputs),
            blocked(torch.from_numpy(y[index])),
            blocked(torch.ones(len(index), dtype=inputs.dtype)),
            owner.to(device),
            first,
            count,
            size,
        )
