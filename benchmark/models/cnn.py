"""The convolutional network of the first paper on federated learning."""

from typing import TYPE_CHECKING, ClassVar, Literal

from benchmark.errors import BenchmarkError
from benchmark.model import Model

if TYPE_CHECKING:
    from torch import nn

KERNEL = 5


class Cnn(Model):
    """McMahan et al. (AISTATS 2017): two 5×5 convolutions of 32 and 64 channels, each followed by
    2×2 max-pooling, and a hidden layer of 512 rectified units.

    With padding it has that paper's 1,663,370 parameters on MNIST; without, the 582,026 of the
    network that later suites call FedAvg's CNN.
    """

    label: ClassVar[str] = "CNN"
    name: Literal["cnn"]
    padding: Literal["same", "none"] = "same"
    """same: a convolution keeps the size of its images; none: it takes four pixels off."""

    def build(self, shape: tuple[int, ...], classes: int) -> "nn.Module":
        """For images of at least 4 pixels a side, without padding 16."""
        from torch import nn

        pad, least = (KERNEL // 2, 4) if self.padding == "same" else (0, 16)
        if len(shape) != 3 or min(shape[1:]) < least:
            raise BenchmarkError(
                f"cnn, padding {self.padding}: inputs have shape {shape}, "
                f"allowed: (channels, {least} or more, {least} or more)"
            )
        lost = KERNEL - 1 - 2 * pad
        height, width = (((side - lost) // 2 - lost) // 2 for side in shape[1:])
        return nn.Sequential(
            nn.Conv2d(shape[0], 32, KERNEL, padding=pad),
            nn.MaxPool2d(2),
            nn.ReLU(),  # after pooling: the same values from a quarter of the work
            nn.Conv2d(32, 64, KERNEL, padding=pad),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(64 * height * width, 512),
            nn.ReLU(),
            nn.Linear(512, classes),
        )
