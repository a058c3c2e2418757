"""The convolutional network of the paper on FedAvg."""

from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Literal

from benchmark.errors import BenchmarkError
from benchmark.model import Model
from datasets.records import Count

if TYPE_CHECKING:
    from torch import nn

KERNEL = 5


class Cnn(Model):
    """McMahan et al. (AISTATS 2017): two 5×5 convolutions of 32 and 64 channels, each followed by
    2×2 max-pooling, and a hidden layer of 512 rectified units; or other numbers of them.

    On MNIST it has 1,663,370 parameters with padding, as in that paper, and 582,026 without, as in
    the network that later suites call FedAvg's CNN.
    """

    label: ClassVar[str] = "CNN"
    name: Literal["cnn"]
    padding: Literal["same", "none"] = "same"
    """``same``: a convolution keeps the size of its images. ``none``: it makes them four pixels
    smaller."""
    channels: tuple[Count, Count] = (32, 64)
    """Channels of the two convolutions."""
    hidden: tuple[Count, ...] = (512,)
    """Rectified units of each hidden layer. Empty: none."""

    def build(self, shape: tuple[int, ...], classes: int) -> "nn.Module":
        """The module for images of at least 4×4 pixels, or 16×16 without padding."""
        from torch import nn

        pad, least = (KERNEL // 2, 4) if self.padding == "same" else (0, 16)
        if len(shape) != 3 or min(shape[1:]) < least:
            raise BenchmarkError(
                f"cnn, padding {self.padding}: inputs have shape {shape}, "
                f"allowed: (channels, {least} or more, {least} or more)"
            )
        lost = KERNEL - 1 - 2 * pad
        height, width = (((side - lost) // 2 - lost) // 2 for side in shape[1:])
        first, second = self.channels
        widths = [second * height * width, *self.hidden]
        layers = [each for pair in pairwise(widths) for each in (nn.Linear(*pair), nn.ReLU())]
        return nn.Sequential(
            nn.Conv2d(shape[0], first, KERNEL, padding=pad),
            nn.MaxPool2d(2),
            nn.ReLU(),  # ReLU after pooling: the same values for a quarter of the work
            nn.Conv2d(first, second, KERNEL, padding=pad),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            *layers,
            nn.Linear(widths[-1], classes),
        )
