"""A small residual network without running statistics."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from benchmark.errors import BenchmarkError
from benchmark.model import Model

if TYPE_CHECKING:
    from torch import Tensor, nn

GROUPS = 8


class ResNet(Model):
    """He et al. (CVPR 2016, section 4.2), with group norm in place of batch norm.

    It has three stages of ``blocks`` blocks with ``width``, 2 ``width`` and 4 ``width`` channels,
    and 6 ``blocks`` + 2 layers. Batch norm is left out because its running statistics are not
    parameters that a server averages, and because it fails on clients with few labels (Hsieh et
    al., ICML 2020).
    """

    label: ClassVar[str] = "ResNet"
    name: Literal["resnet"]
    blocks: Annotated[int, Field(ge=1, le=18)] = 1
    """Number of blocks per stage. 1: eight layers; 3: twenty, as in ResNet-20."""
    width: Annotated[int, Field(ge=8, le=512, multiple_of=GROUPS)] = 16
    """Number of channels of the first stage."""

    def build(self, shape: tuple[int, ...], classes: int) -> "nn.Module":
        """The module for images of at least 8×8 pixels."""
        from torch import nn

        if len(shape) != 3 or min(shape[1:]) < 8:
            raise BenchmarkError(
                f"resnet: inputs have shape {shape}, allowed: (channels, 8 or more, 8 or more)"
            )
        width, stages = self.width, []
        for stage in range(3):
            for block in range(self.blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                stages.append(_residual(width, self.width * 2**stage, stride))
                width = self.width * 2**stage
        return nn.Sequential(
            *_convolution(shape[0], self.width, 1),
            nn.ReLU(),
            *stages,
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(width, classes),
        )


def _convolution(inputs: int, outputs: int, stride: int, kernel: int = 3) -> "list[nn.Module]":
    from torch import nn

    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return [convolution, nn.GroupNorm(GROUPS, outputs)]


def _residual(inputs: int, outputs: int, stride: int) -> "nn.Module":
    """Two convolutions with a shortcut, which changes the size if they do."""
    from torch import nn

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            first = _convolution(inputs, outputs, stride)
            self.branch = nn.Sequential(*first, nn.ReLU(), *_convolution(outputs, outputs, 1))
            changes = stride > 1 or inputs != outputs
            self.shortcut = nn.Sequential(
                *(_convolution(inputs, outputs, stride, kernel=1) if changes else [])
            )

        def forward(self, x: "Tensor") -> "Tensor":
            total: Tensor = self.branch(x) + self.shortcut(x)
            return total.relu()

    return Residual()
