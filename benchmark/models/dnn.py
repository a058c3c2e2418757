"""A perceptron with one hidden layer."""

from math import prod
from typing import TYPE_CHECKING, ClassVar, Literal

from benchmark.model import Model
from datasets.records import Count

if TYPE_CHECKING:
    from torch import nn


class Dnn(Model):
    """A perceptron with one hidden layer of rectified units."""

    label: ClassVar[str] = "DNN"
    name: Literal["dnn"]
    hidden: Count
    """Number of units of the hidden layer."""

    def build(self, shape: tuple[int, ...], classes: int) -> "nn.Module":
        """The module for inputs of any shape."""
        from torch import nn

        return nn.Sequential(
            nn.Flatten(),
            nn.Linear(prod(shape), self.hidden),
            nn.ReLU(),
            nn.Linear(self.hidden, classes),
        )
