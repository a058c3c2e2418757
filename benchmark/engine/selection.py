"""Keep the models that validation chooses until they are tested, once."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Chosen:
    """Each replica's models at its best validation accuracy so far; the first of equal ones."""

    at: Tensor
    """(R,) int64 indices of the evaluations."""
    correct: Tensor
    """(R,) float64 numbers of correctly classified validation samples."""
    models: Tensor
    """(R·k, P) the models."""

    @staticmethod
    def first(correct: Tensor, models: Tensor) -> "Chosen":
        """The models (R·k, P) of evaluation 0."""
        at = torch.zeros(len(correct), dtype=torch.int64, device=correct.device)
        return Chosen(at, correct, models.clone())

    def or_better(self, at: int, correct: Tensor, models: Tensor) -> "Chosen":
        """Replace the models of the replicas that improve at evaluation ``at``."""
        better = correct > self.correct
        rows = better.repeat_interleave(len(models) // len(better))[:, None]
        return Chosen(
            torch.where(better, at, self.at),
            torch.where(better, correct, self.correct),
            torch.where(rows, models, self.models),
        )
