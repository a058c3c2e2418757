"""The state of a run between two rounds, in memory."""

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.errors import BenchmarkError


@dataclass(frozen=True)
class Snapshot:
    """Everything that later rounds of a run and its history depend on.

    It holds no generator, because every round derives its random streams from the seed.
    """

    rounds: int
    """Number of finished rounds."""
    seconds: float
    """Seconds spent so far, without interruptions."""
    tensors: dict[str, Tensor]

    def tensor(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """The tensor of this name. Raises BenchmarkError if it is missing or not like ``like``."""
        tensor = self.tensors.get(name)
        if tensor is None or (tuple(tensor.shape), tensor.dtype) != (shape, dtype):
            given = "missing" if tensor is None else f"{tuple(tensor.shape)} {tensor.dtype}"
            raise BenchmarkError(f"{name}: {given}, allowed: {shape} {dtype}")
        return tensor
