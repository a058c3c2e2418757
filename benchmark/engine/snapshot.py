"""What a run's further rounds depend on, in memory."""

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.errors import BenchmarkError


@dataclass(frozen=True)
class Snapshot:
    """All that a run's further rounds and its history depend on.

    There is no generator among the tensors: every round derives its streams from the seed.
    """

    rounds: int
    """How many rounds are done."""
    seconds: float
    """Spent so far, apart from interruptions."""
    tensors: dict[str, Tensor]

    def tensor(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """The tensor of that name; BenchmarkError if it is missing or not of this kind."""
        tensor = self.tensors.get(name)
        if tensor is None or (tuple(tensor.shape), tensor.dtype) != (shape, dtype):
            given = "missing" if tensor is None else f"{tuple(tensor.shape)} {tensor.dtype}"
            raise BenchmarkError(f"{name}: {given}, allowed: {shape} {dtype}")
        return tensor
