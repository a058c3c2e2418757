"""LeNet-5."""

from typing import TYPE_CHECKING, ClassVar, Literal

from benchmark.errors import BenchmarkError
from benchmark.model import Model

if TYPE_CHECKING:
    from torch import nn


class LeNet5(Model):
    """The network of LeCun et al. (1998), with ReLU and max-pooling as is usual today."""

    label: ClassVar[str] = "LeNet-5"
    name: Literal["lenet5"]

    def build(self, shape: tuple[int, ...], classes: int) -> "nn.Module":
        """The module for images of 28×28 or 32×32 pixels."""
        from torch import nn

        if len(shape) != 3 or shape[1] != shape[2] or shape[1] not in (28, 32):
            raise BenchmarkError(
                f"lenet5: inputs have shape {shape}, allowed: (channels, 28 or 32, …)"
            )
        side = (shape[1] - 12) // 4  # two 5x5 convolutions, each followed by 2x2 pooling
        return nn.Sequential(
            nn.Conv2d(shape[0], 6, 5),
            nn.MaxPool2d(2),
            nn.ReLU(),  # ReLU after pooling: the same values for a quarter of the work
            nn.Conv2d(6, 16, 5),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(16 * side * side, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, classes),
        )
