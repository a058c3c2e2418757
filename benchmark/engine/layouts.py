"""The two layouts of a batch that compiled kernels read: images or channels innermost."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from numpy.typing import NDArray
from torch import Tensor

from benchmark.engine.compiling import kept
from benchmark.engine.kernels import LANES, SPARE

Array = NDArray[Any]
compiled = kept(nogil=True)


@dataclass(frozen=True)
class Images:
    """The layouts of a batch of images, or of a stage's output, for all passes that read it.

    It holds no reference to the batch's tensor, so that layouts are freed together with it.
    """

    lanes: Tensor
    """(groups, C·P·LANES), see :mod:`benchmark.engine.kernels`."""
    count: int
    """B, the number of images."""
    channels: int
    """C, the number of channels."""

    @cached_property
    def pixels(self) -> Tensor:
        """(B, P·C + SPARE) pixels, built on first use: only gradients need them."""
        numbers = self.lanes.shape[1] // LANES
        out = self.lanes.new_empty(self.count, numbers + SPARE)
        out[:, numbers:] = 0
        places = numbers // self.channels
        _, to_pixels = copies(LANES)
        to_pixels(self.lanes.numpy(), self.channels, places, out.numpy())
        return out


def lanes(x: Tensor) -> Tensor:
    """Images (B, C, height, width) as lanes (groups, C·P·LANES)."""
    flat = x.flatten(1).contiguous()
    out = flat.new_empty(-(-len(flat) // LANES), flat.shape[1] * LANES)
    to_lanes, _ = copies(LANES)
    to_lanes(flat.numpy(), out.numpy())
    return out


def features(lanes: Tensor, count: int) -> Tensor:
    """The first ``count`` images of lanes (groups, F·LANES) as columns (F, count)."""
    columns: Tensor = lanes.view(len(lanes), -1, LANES).transpose(0, 1).flatten(1)
    return columns[:, :count]


@lru_cache
def copies(lanes: int) -> tuple[Callable[..., None], Callable[..., None]]:
    """The kernels that build lanes and pixels of this number of images, a constant in them."""

    @compiled
    def to_lanes(x: Array, out: Array) -> None:
        """x (B, F) → out (groups, F·lanes), zeros for absent images."""
        for group in range(len(out)):
            for f in range(x.shape[1]):
                for lane in range(lanes):
                    b = group * lanes + lane
                    out[group, f * lanes + lane] = x[b, f] if b < len(x) else 0

    @compiled
    def to_pixels(x: Array, channels: int, places: int, out: Array) -> None:
        """x (groups, C·P·lanes) → the first P·C columns of out (B, …)."""
        for group in range(len(x)):
            present = min(lanes, len(out) - group * lanes)
            for p in range(places):
                for c in range(channels):
                    for lane in range(present):
                        number = x[group, (c * places + p) * lanes + lane]
                        out[group * lanes + lane, p * channels + c] = number

    return to_lanes, to_pixels
