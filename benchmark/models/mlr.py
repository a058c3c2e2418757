"""Multinomial logistic regression."""

from math import prod
from typing import TYPE_CHECKING, ClassVar, Literal

from benchmark.model import Model

if TYPE_CHECKING:
    from torch import nn


class Mlr(Model):
    """Multinomial logistic regression: one linear layer."""

    label: ClassVar[str] = "MLR"
    name: Literal["mlr"]

    def build(self, shape: tuple[int, ...], classes: int) -> "nn.Module":
        """The module for inputs of any shape."""
        from torch import nn

        return nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), classes))
