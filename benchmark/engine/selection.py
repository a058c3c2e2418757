"""The models that validation chooses, kept until they are tested, once."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Chosen:
    """Each replica's models at its best validation accuracy so far, the first of equals."""

    at: Tensor  # (R,) int64, the number of the evaluation
    correct: Tensor  # (R,) float64, validation samples that are classified rightly
    models: Tensor  # (R·k, P)

    @staticmethod
    def first(correct: Tensor, models: Tensor) -> "Chosen":
        """The models (R·k, P) of evaluation 0."""
        at = torch.zeros(len(correct), dtype=torch.int64, device=correct.device)
        return Chosen(at, correct, models.clone())

    def or_better(self, at: int, correct: Tensor, models: Tensor) -> "Chosen":
        """Those of evaluation ``at`` in the place of replicas that it improves."""
        better = correct > self.correct
        rows = better.repeat_interleave(len(models) // len(better))[:, None]
        return Chosen(
            torch.where(better, at, self.at),
            torch.where(better, correct, self.correct),
            torch.where(rows, models, self.models),
        )
