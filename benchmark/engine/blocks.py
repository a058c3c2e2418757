"""The samples of a federation on a device, grouped by client into blocks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.engine.deferred import gram
from datasets import Inputs

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Blocks:
    """Samples grouped by client into blocks of equal length; each client's last block is padded.

    Client i's sample j is in block ``first[i] + j // B`` at position ``j % B``. A block is a
    mini-batch in fixed order.
    """

    x: Tensor
    """(M, B, …) scaled inputs."""
    y: Tensor
    """(M, B) int64 labels."""
    mask: Tensor
    """(M, B) 1 for samples, 0 for padding, in x's dtype."""
    owner: Tensor
    """(M,) the client of each block."""
    first: Ints
    """(N,) each client's first block."""
    count: Ints
    """(N,) number of blocks of each client."""
    size: Ints
    """(N,) number of samples of each client."""
    shared: bool = False
    """Whether all blocks belong to every client."""
    _grams: dict[int, Tensor] = field(default_factory=dict, repr=False)

    def gram(self, block: int) -> Tensor:
        """(B, B) the products of a block's samples with one another, computed once."""
        if block not in self._grams:
            self._grams[block] = gram(self.x[block])
        return self._grams[block]

    @cached_property
    def membership(self) -> Tensor:
        """(M, N) float64: 1 where the block is the client's. Sums per client are products with it,
        whose order of summation is fixed."""
        if self.shared:
            return torch.ones(len(self.x), len(self.size), device=self.x.device).double()
        return torch.nn.functional.one_hot(self.owner, len(self.size)).to(torch.float64)

    def shared_by(self, clients: int) -> "Blocks":
        """The blocks of one list of samples, shared by this number of clients."""
        first, count, size = (
            np.repeat(one, clients) for one in (self.first, self.count, self.size)
        )
        return replace(self, first=first, count=count, size=size, shared=True)

    @staticmethod
    def of(
        x: NDArray[Any] | Inputs,
        y: Ints,
        parts: Sequence[Ints],
        length: int,
        device: torch.device,
    ) -> "Blocks":
        """Lay out the samples of each client's index list in blocks of ``length``."""
        size = np.array([len(part) for part in parts], dtype=np.int64)
        count = -(-size // length)
        first = np.concatenate([[0], np.cumsum(count)[:-1]]).astype(np.int64)
        total = int(count.sum()) * length

        def blocked(values: Callable[[Ints], NDArray[Any]]) -> Tensor:
            """Fill the blocks client by client, so that no second copy of all samples is made."""
            like = values(parts[0][:1])
            flat = torch.from_numpy(np.zeros((total, *like.shape[1:]), like.dtype))
            for start, part in zip((first * length).tolist(), parts, strict=True):
                flat[start : start + len(part)] = torch.from_numpy(values(part))
            return flat.view(-1, length, *like.shape[1:]).to(device)

        inputs = blocked(x.__getitem__)
        dtype = np.float64 if inputs.dtype == torch.float64 else np.float32
        owner = torch.from_numpy(np.repeat(np.arange(len(parts)), count))
        return Blocks(
            inputs,
            blocked(y.__getitem__),
            blocked(lambda part: np.ones(len(part), dtype)),
            owner.to(device),
            first,
            count,
            size,
        )
